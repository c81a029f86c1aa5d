"""SIGKILL at any instant under load: nothing acknowledged is lost, nothing is half-done."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from authz.clock import SystemClock
from server.domain.entropy import hash_secret
from server.storage.store import open_store
from server.storage.tables.audit import audit
from server.storage.tables.flow import authorization_code as code
from server.storage.tables.token import token
from tests.kill.load import Acknowledged, Load
from tests.requirements import requirement
from tests.support.databases import Databases
from tests.support.ports import free_port
from tests.support.processes import ServerProcess, run_mandate
from tests.support.stage import Stage, set_stage
from tests.support.world import TEST_KEK, Party, prepared, world_at

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("MANDATE_KILLS", "3"))
CODES = 400


@requirement("mandate:kill:nothing-lost")
def test_a_killed_server_kept_every_word(durable: Databases, tmp_path: Path) -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    url = durable.copy_of("prepared", prepared)
    settings = {
        "MANDATE_ISSUER": issuer,
        "MANDATE_DATABASE_URL": url,
        "MANDATE_KEK": TEST_KEK,
        "MANDATE_SEAL_INTERVAL": "1",
    }
    total = Acknowledged()
    known: tuple[Stage, Party] | None = None
    for kill in range(KILLS):
        known, codes = asyncio.run(_prepare(url, issuer, known, kill))
        load = Load(issuer, *known, codes, until=60 + 37 * kill % 300)
        server = ServerProcess(folder=tmp_path, settings=settings, port=port).start()
        runner = threading.Thread(target=load.run)
        runner.start()
        load.reached.wait(120)
        server.kill()
        runner.join(60)
        assert not runner.is_alive()
        assert not load.unexpected
        assert len(load.acknowledged) >= 60
        for mine, theirs in zip(_parts(total), _parts(load.acknowledged), strict=True):
            mine.update(theirs)
        rows = asyncio.run(_rows(url))
        _compare(total, rows)
    with ServerProcess(folder=tmp_path, settings=settings, port=port):
        # It came up again on what the kills left.
        pass
    run_mandate("audit", "seal", settings=settings, cwd=tmp_path)
    done = run_mandate("audit", "verify", "--json", settings=settings, cwd=tmp_path)
    assert '"ok": true' in done.stdout or '"ok":true' in done.stdout, done.stdout


def _parts(a: Acknowledged) -> tuple[set[str], ...]:
    return a.tokens, a.codes, a.revoked, a.evaluations, a.tuples


async def _prepare(
    url: str, issuer: str, known: tuple[Stage, Party] | None, kill: int
) -> tuple[tuple[Stage, Party], list[str]]:
    clock: Any = SystemClock()
    async with world_at(url, clock, issuer=issuer) as w:
        stage, plain = known or (await set_stage(w), await w.client("plain"))
        session = await w.session(stage.ada)
        codes = [await w.code(plain, stage.ada, session=session) for _ in range(CODES)]
    assert kill >= 0
    return (stage, plain), codes


async def _rows(url: str) -> dict[str, Any]:
    store = open_store(url)
    tokens = select(token.c.jti, token.c.revoked_at, token.c.family_id)
    codes = select(code.c.hash, code.c.family_id).where(code.c.used_at.is_not(None))
    events = select(audit.c.id, audit.c.tag, audit.c.detail, audit.c.object)
    try:
        found = await store.read(lambda tx: (tx.fetch(tokens), tx.fetch(codes), tx.fetch(events)))
    finally:
        await store.close()
    return dict(zip(("tokens", "codes", "events"), found, strict=True))


def _compare(said: Acknowledged, rows: dict[str, Any]) -> None:
    """Compare acknowledged ids with rows, and rows with each other."""
    jtis = {row[0]: row for row in rows["tokens"]}
    assert said.tokens <= jtis.keys()
    assert {hash_secret(c) for c in said.codes} <= {row[0] for row in rows["codes"]}
    assert all(jtis[jti][1] is not None for jti in said.revoked)
    assert said.evaluations <= {row[0] for row in rows["events"]}
    written = " ".join(row[3] or "" for row in rows["events"] if row[1] == "relations:written")
    assert said.tuples <= set(written.split())
    # Nothing half-done: a used code has its token, and each minted token its audit row.
    families = {row[2] for row in rows["tokens"] if row[2]}
    assert {row[1] for row in rows["codes"]} <= families
    told = " ".join(row[2] for row in rows["events"] if row[1].startswith("token:"))
    missing = [jti for jti, row in jtis.items() if row[2] is None and jti not in told]
    assert not missing
