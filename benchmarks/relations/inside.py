"""The engine inside a process: one question at a time, batches, lists, and how cost grows."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import literal, select

from authz.clock import SystemClock
from authz.relations import Query, Relations
from benchmarks.relations.data import MODEL, House, fill
from server.storage.migrate import upgrade
from server.storage.store import OpenStore, open_store

T = TypeVar("T")

STORE = "bench"
RELATIONS = {"viewer": "unions", "can_read": "but not", "member": "recursion both ways"}
_ONE = select(literal(1))


@dataclass(frozen=True)
class Times:
    """Times of one kind of question, in microseconds."""

    name: str
    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.name:48s} p50 {self.p50:9.0f} us   p99 {self.p99:9.0f} us"


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
        """Close the database."""
        await self._store.close()

    async def all(self) -> list[Times]:
        """Ask every kind of question."""
        times = [await self.nothing()]
        for relation in RELATIONS:
            times += await self.checks(relation, 500, 1)
        for relation in ("viewer", "can_read"):
            times.append(await self.batches(relation, 50, 60))
            times.append(await self.lists(relation, 8))
        return times

    async def nothing(self) -> Times:
        """Read a constant: a transaction and a statement, whatever is asked."""

        async def ask(_: int) -> None:
            await self._store.read(lambda tx: tx.fetch(_ONE))

        return await _timed("a read of a constant", range(300), ask)

    async def check(self, query: Query) -> bool:
        """Ask as the server asks: in a transaction of its own."""
        (answer,) = await self._store.read(lambda tx: self._relations.check_many(tx, [query]))
        return answer is True

    async def checks(self, relation: str, count: int, seed: int) -> list[Times]:
        """Ask new questions, then the same ones again."""
        queries = self._house.questions(relation, count, seed)
        self._relations = Relations(STORE, SystemClock())
        cold = await _timed(f"check {relation}, asked for the first time", queries, self.check)
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
        """List a thousand documents of all."""
        users = [f"user:{n}" for n in range(count)]

        async def ask(user: str) -> None:
            await self._store.read(
                lambda tx: self._relations.list_objects(tx, user, relation, "document")
            )

        return await _timed(f"first 1000 documents, {relation}", users, ask)


@dataclass(frozen=True)
class Size:
    """One house of a growing row: its tuples, and the time of a first check by relation."""

    tuples: int
    checks: dict[str, Times]
    bytes: int
    """The database file, indexes and changelog included."""


async def growth(folder: Path, sizes: Sequence[int]) -> list[Size]:
    """Ask the same kinds of questions of houses of several sizes, on SQLite."""
    found = []
    for size in sizes:
        house = House(int(size / 2.2))
        file = folder / f"growth-{size}.db"
        inside = await Inside.open(f"sqlite:///{file}", house)
        checks = {}
        for relation in RELATIONS:
            cold, _ = await inside.checks(relation, 300, size)
            checks[relation] = cold
        await inside.close()
        found.append(Size(len(house.tuples()), checks, file.stat().st_size))
        file.unlink()
    return found


async def _timed(name: str, items: Sequence[T], ask: Callable[[T], Awaitable[object]]) -> Times:
    spent = []
    for item in items:
        began = time.perf_counter()
        await ask(item)
        spent.append((time.perf_counter() - began) * 1e6)
    spent.sort()
    return Times(name, spent[len(spent) // 2], spent[int(len(spent) * 0.99)])
