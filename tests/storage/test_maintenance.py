"""What ended is forgotten in small units; what a replay or another worker needs stays."""

import asyncio

import pytest

from server.domain.snapshot import Snapshot
from server.domain.unit import StaleSnapshotError
from server.storage.maintenance import BATCH, RETENTION_MS, purge, run_maintenance
from server.storage.repositories import repositories
from server.storage.store import OpenStore
from server.storage.unit import changes_since
from tests.storage.conftest import OpenAnother
from tests.support.clock import FrozenClock
from tests.support.entropy import SequenceEntropy
from tests.support.schema import read_sql, run_sql

NOW = 1_000_000_000_000
DAY = 24 * 3600 * 1000


def fill(url: str, name: str, expires_at: int) -> None:
    e = expires_at
    run_sql(
        url,
        f"INSERT INTO authorization_code VALUES ('{name}', 'c', 'u', NULL, 's', 'f', '{{}}', 0, {e}, NULL)",
        f"INSERT INTO pushed_request (hash, client_id, document, expires_at, used_at) VALUES ('{name}', 'c', '[]', {e}, NULL)",
        f"INSERT INTO interaction (id, browser_hash, client_id, document, created_at, expires_at) VALUES ('{name}', 'b', 'c', '{{}}', 0, {e})",
        f"INSERT INTO client_assertion VALUES ('c', '{name}', {e})",
        f"INSERT INTO one_time_link VALUES ('{name}', 'p', 'e', {e}, NULL)",
        f"INSERT INTO approval (id, kind, user_id, agent_id, client_id, grant_id, binding, document, status, created_at, expires_at) VALUES ('{name}', 'call', 'u', 'a', 'c', 'g', '{name}', '{{}}', 'pending', 0, {e})",
        f"INSERT INTO token (jti, kind, client_id, sub, audience, scope, issued_at, expires_at) VALUES ('{name}', 'user', 'c', 'u', 'a', '', 0, {e})",
        f"INSERT INTO refresh_family (id, client_id, user_id, document, created_at, expires_at) VALUES ('{name}', 'c', 'u', '{{}}', 0, {e})",
        f"INSERT INTO refresh_token VALUES ('{name}', '{name}', 0, 0, NULL)",
    )


KEYS = {
    "authorization_code": "hash",
    "pushed_request": "hash",
    "interaction": "id",
    "client_assertion": "jti",
    "one_time_link": "hash",
    "approval": "id",
    "token": "jti",
    "refresh_family": "id",
    "refresh_token": "hash",
}


def left(url: str) -> dict[str, list[object]]:
    return {
        table: [row[0] for row in read_sql(url, f"SELECT {key} FROM {table} ORDER BY 1")]
        for table, key in KEYS.items()
    }


async def test_what_ended_long_ago_goes_and_what_lives_stays(store: OpenStore, url: str) -> None:
    fill(url, "dead", NOW - RETENTION_MS - 1)
    fill(url, "fresh", NOW - 1)
    fill(url, "alive", NOW + DAY)

    gone = await purge(store, NOW)

    assert left(url) == {table: ["alive", "fresh"] for table in KEYS}
    assert set(gone.values()) == {1}
    assert await purge(store, NOW) == {}


async def test_the_generations_of_a_living_refresh_family_stay_however_old(
    store: OpenStore, url: str
) -> None:
    fill(url, "alive", NOW + DAY)
    run_sql(url, "INSERT INTO refresh_token VALUES ('used', 'alive', 0, 0, 1)")
    await purge(store, NOW)
    assert read_sql(url, "SELECT count(*) FROM refresh_token") == [(2,)]


async def test_more_than_one_batch_goes(store: OpenStore, url: str) -> None:
    run_sql(
        url,
        "INSERT INTO client_assertion "
        + " UNION ALL ".join(f"SELECT 'c', 'j{n}', 0" for n in range(400)),
    )
    for start in range(400, BATCH * 2 + 300, 400):
        run_sql(
            url,
            "INSERT INTO client_assertion "
            + " UNION ALL ".join(f"SELECT 'c', 'j{n}', 0" for n in range(start, start + 400)),
        )
    total = read_sql(url, "SELECT count(*) FROM client_assertion")[0][0]
    assert await purge(store, NOW) == {"assertions": total}


async def test_workers_that_purge_together_do_not_disturb_each_other(
    store: OpenStore, another: OpenAnother, url: str
) -> None:
    for number in range(20):
        fill(url, f"dead{number}", 0)
    gone = await asyncio.gather(purge(store, NOW), purge(another(), NOW))
    assert sum(each.get("tokens", 0) for each in gone) == 20
    assert all(not rows for rows in left(url).values())


async def test_the_newest_changes_stay_and_numbers_go_on(store: OpenStore) -> None:
    for number in range(30):
        await store.write(lambda tx, n=number: tx.changed("client", f"c{n}"))  # type: ignore[misc]
    assert await purge(store, NOW, kept_changes=10) == {"changes": 20}

    head, changes = await store.read(lambda tx: changes_since(tx, 20, 100))
    assert (head, len(changes)) == (30, 10)
    await store.write(lambda tx: tx.changed("client", "next"))
    assert await store.revision() == 31
    with pytest.raises(StaleSnapshotError):
        await store.write(lambda tx: tx.guard(19, frozenset()))
    await store.write(lambda tx: tx.guard(20, frozenset({("client", "other")})))


async def test_a_worker_that_missed_purged_changes_forgets_all_that_it_knew(
    store: OpenStore, another: OpenAnother, url: str, entropy: SequenceEntropy
) -> None:
    heard: list[str] = []
    reloaded: list[int] = []

    async def reload() -> None:
        reloaded.append(1)

    snapshot = Snapshot(another(), repositories(entropy), changes_since)
    snapshot.on_change("agent", heard.append)
    snapshot.reload_on("key", reload)
    await snapshot.refresh()
    heard.clear()
    reloaded.clear()
    for name in ("agt_a", "agt_b", "agt_c"):
        await store.write(lambda tx, name=name: tx.changed("agent", name))  # type: ignore[misc]
    await purge(store, NOW, kept_changes=1)

    assert await snapshot.refresh() == 3

    assert heard == ["*"]
    assert reloaded == [1]
    await store.write(lambda tx: tx.changed("agent", "agt_d"))
    assert await snapshot.refresh() == 4
    assert heard == ["*", "agt_d"]
    assert reloaded == [1]


async def test_a_worker_on_a_database_that_was_put_back_forgets_what_never_happened(
    store: OpenStore, url: str, entropy: SequenceEntropy
) -> None:
    heard: list[str] = []
    snapshot = Snapshot(store, repositories(entropy), changes_since)
    for _ in range(3):
        await store.write(lambda tx: tx.changed("agent", "a"))
    await snapshot.refresh()
    snapshot.on_change("agent", heard.append)
    run_sql(url, "DELETE FROM security_change WHERE seq > 1", "UPDATE security_head SET seq = 1")
    await asyncio.sleep(0)  # the loop turns before a later request is taken in

    assert await snapshot.refresh() == 1
    assert heard == ["*"]


async def test_the_maintenance_ends_when_it_is_told_to(
    store: OpenStore, clock: FrozenClock
) -> None:
    stop = asyncio.Event()
    running = asyncio.ensure_future(run_maintenance(store, clock, 3600, stop))
    await asyncio.sleep(0)
    stop.set()
    await running


async def test_the_maintenance_outlives_a_database_that_refuses(
    another: OpenAnother, clock: FrozenClock
) -> None:
    closed = another()
    await closed.close()
    stop = asyncio.Event()
    running = asyncio.ensure_future(run_maintenance(closed, clock, 0, stop))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not running.done()
    stop.set()
    await running


async def test_who_stops_the_server_does_not_wait_for_a_purge(store: OpenStore, url: str) -> None:
    for number in range(2):
        fill(url, f"dead{number}", NOW - RETENTION_MS - 1)
    stop = asyncio.Event()
    stop.set()
    assert await purge(store, NOW, stop=stop) == {}
    assert len(left(url)["token"]) == 2
