"""The SQLite writer works for one loop at a time, and outlives it; neighbours share a commit."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.domain.unit import Unit
from server.storage.migrate import upgrade
from server.storage.store import open_store
from server.storage.unit import changes_since


@pytest.mark.parametrize("turns", range(1, 7))
def test_a_store_goes_on_in_another_loop_when_one_ended_in_the_middle_of_a_unit(
    tmp_path: Path, turns: int
) -> None:
    url = f"sqlite:///{tmp_path / 'mandate.db'}"
    upgrade(url)
    store = open_store(url)

    async def leave() -> None:
        task = asyncio.create_task(store.write(lambda tx: tx.changed("client", "cli_lost")))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()

    async def go_on() -> list[tuple[str, str]]:
        await store.write(lambda tx: tx.changed("client", "cli_kept"))
        _, changes = await store.read(lambda tx: changes_since(tx, 0, 10))
        await store.close()
        return changes

    asyncio.run(leave())

    # Whether the first one was committed nobody was told; it is there once or not at all.
    assert asyncio.run(go_on()) in (
        [("client", "cli_kept")],
        [("client", "cli_lost"), ("client", "cli_kept")],
    )


async def test_units_that_arrive_in_neighbouring_turns_of_the_loop_share_one_commit(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mandate.db"
    upgrade(f"sqlite:///{file}")
    store = open_store(f"sqlite:///{file}")
    committed: list[int] = []

    def unit(tx: Unit) -> None:
        with closing(sqlite3.connect(file)) as outside:
            (count,) = outside.execute("SELECT count(*) FROM security_change").fetchone()
        committed.append(count)
        tx.changed("client", "cli_one")

    async def arrive() -> list[asyncio.Task[None]]:
        tasks = []
        for _ in range(4):
            tasks.append(asyncio.create_task(store.write(unit)))
            await asyncio.sleep(0)
        return tasks

    await asyncio.gather(*await arrive())

    # Each of them ran before the first one was committed; all are there when they are answered.
    assert committed == [0, 0, 0, 0]
    assert await store.revision() == 4
    await store.close()
