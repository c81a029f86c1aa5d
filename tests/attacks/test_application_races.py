"""Removing an application while it redeems a code; on PostgreSQL both run at once."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from server.domain.tokens import RefreshFamily, TokenKind, TokenRecord
from server.domain.unit import Unit
from server.services.applications import remove_application
from tests.support.applications import KEPT, application, ask
from tests.support.databases import PostgresDatabases
from tests.support.flow_site import Flow, open_flow, told
from tests.support.schema import create_tables

pytestmark = pytest.mark.postgres

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
)


@pytest.fixture
async def flow(postgres_databases: PostgresDatabases) -> AsyncIterator[Flow]:
    opened = await open_flow(postgres_databases.copy_of("tables", create_tables))
    yield opened
    await opened.close()
    postgres_databases.drop_all()


async def test_what_is_redeemed_at_the_same_moment_dies_as_well(flow: Flow) -> None:
    core, browser, app = flow.site.core, await flow.person(), await application(flow)
    page = await ask(flow, browser, app)
    code = await flow.code(told(await flow.decide(browser, page, **KEPT))["code"])
    assert code is not None
    redeemed, go_on = threading.Event(), threading.Event()
    now = core.clock.now()

    def redeem(tx: Unit) -> None:
        """Do what the token endpoint does, and stop right before the commit."""
        assert core.rows.codes.consume(tx, code.hash, now)
        core.rows.refresh.add_family(
            tx, RefreshFamily(id=code.family_id, granted=code.granted, created_at=now,
                              expires_at=now + 1_000_000),
        )  # fmt: skip
        core.rows.tokens.add(
            tx, TokenRecord(jti="tok_1", kind=TokenKind.USER, client_id=app.client.id,
                            sub=flow.ana.id, audience=flow.issuer, scope="openid",
                            family_id=code.family_id, issued_at=now, expires_at=now + 300_000),
        )  # fmt: skip
        redeemed.set()
        assert go_on.wait(30)

    redeeming = asyncio.create_task(core.store.write(redeem))
    assert await asyncio.to_thread(redeemed.wait, 30)
    sessions = await core.store.read(lambda tx: core.rows.sessions.of_user(tx, flow.ana.id))
    removing = asyncio.create_task(remove_application(core, app.client.id, sessions[0]))
    # Until the removal waits for the redemption, or has slipped past it.
    while not removing.done():
        if (await core.store.read(lambda tx: tx.fetch(WAITING)))[0][0]:
            break
    go_on.set()
    await redeeming
    assert await removing is True
    token = await core.store.read(lambda tx: core.rows.tokens.get(tx, "tok_1"))
    family = await core.store.read(lambda tx: core.rows.refresh.family(tx, code.family_id))
    assert token is not None
    assert family is not None
    assert token.revoked_at == family.revoked_at == now
