"""The SQLite writer works for one loop at a time, and outlives it."""

import asyncio
from pathlib import Path

from server.storage.migrate import upgrade
from server.storage.store import open_store
from server.storage.unit import changes_since


def test_a_store_goes_on_in_another_loop_when_one_ended_in_the_middle_of_a_unit(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'mandate.db'}"
    upgrade(url)
    store = open_store(url)

    async def leave() -> None:
        task = asyncio.create_task(store.write(lambda tx: tx.changed("client", "cli_lost")))
        for _ in range(3):
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
