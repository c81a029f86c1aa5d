"""The engine inside a process: one question at a time, batches, lists, and how cost grows."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from authz.clock import SystemClock
from authz.relations import Query, Relations
from benchmarks.relations.data import MODEL, House, fill
from server.storage.migrate import upgrade
from server.storage.store import OpenStore, open_store

T = TypeVar("T")

STORE = "bench"


@dataclass(frozen=True)
class Times:
    """Times of one kind of question, in microseconds."""

    name: str
    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.name:44s} p50 {self.p50:9.0f} us   p99 {self.p99:9.0f} us"


class Inside:
    """One open database with a house in it."""

    def __init__(self, store: OpenStore, house: House) -> None:
        self._store = store
        self._house = house
        self._relations = Relations(STORE, SystemClock())

    @classmethod
    async def open(cls, url: str, house: House) -> "Inside":
        """Make the tables and the tuples."""
        upgrade(url)
        store = open_store(url)
        made = cls(store, house)
        await store.write(lambda tx: made._relations.put_model(tx, MODEL))
        await fill(store, STORE, house.tuples())
        return made

    async def close(self) -> None:
        await self._store.close()

    async def check(self, query: Query) -> bool:
        """Ask as the server asks: in a transaction of its own."""
        (answer,) = await self._store.read(lambda tx: self._relations.check_many(tx, [query]))
        return answer is True

    async def checks(self, relation: str, count: int, seed: int) -> list[Times]:
        """Ask new questions, then the same ones again."""
        queries = self._house.questions(relation, count, seed)
        self._relations = Relations(STORE, SystemClock())
        cold = await _timed(f"check {relation}, asked for the first time", queries, self.check)
        await _timed("", queries, self.check)
        warm = await _timed(f"check {relation}, asked again", queries, self.check)
        return [cold, warm]

    async def batches(self, relation: str, size: int, count: int) -> Times:
        """Ask many questions of one person at once."""
        batches = [
            [
                Query(f"user:{n}", relation, q.object)
                for q in self._house.questions(relation, size, n)
            ]
            for n in range(count)
        ]

        async def ask(batch: list[Query]) -> None:
            await self._store.read(lambda tx: self._relations.check_many(tx, batch))

        return await _timed(f"batch of {size}, {relation}, new objects", batches, ask)

    async def lists(self, relation: str, count: int) -> Times:
        """List a thousand documents of a hundred thousand."""
        users = [f"user:{n}" for n in range(count)]

        async def ask(user: str) -> None:
            await self._store.read(
                lambda tx: self._relations.list_objects(tx, user, relation, "document")
            )

        return await _timed(f"first 1000 documents, {relation}", users, ask)


async def growth(folder: Path, sizes: list[int]) -> list[Times]:
    """Ask the same kind of question of houses of several sizes."""
    found = []
    for size in sizes:
        inside = await Inside.open(f"sqlite:///{folder}/growth-{size}.db", House(size // 2))
        for relation in ("viewer", "can_read"):
            cold, _ = await inside.checks(relation, 300, size)
            found.append(Times(f"{size} tuples: {cold.name}", cold.p50, cold.p99))
        await inside.close()
    return found


async def _timed(name: str, items: Sequence[T], ask: Callable[[T], Awaitable[object]]) -> Times:
    spent = []
    for item in items:
        began = time.perf_counter()
        await ask(item)
        spent.append((time.perf_counter() - began) * 1e6)
    spent.sort()
    return Times(name, spent[len(spent) // 2], spent[int(len(spent) * 0.99)])
