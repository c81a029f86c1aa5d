"""Attacks of the review that need two transactions at once; PostgreSQL lets them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from server.domain.delegation import Delegation
from server.domain.unit import Unit
from server.services import withdraw
from server.services.withdraw import By, Keep
from tests.support.clock import FrozenClock
from tests.support.databases import PostgresDatabases
from tests.support.stage import ALL, Stage, set_stage
from tests.support.world import DOCS, world

pytestmark = pytest.mark.postgres

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
)


@pytest.fixture
async def stage(postgres_databases: PostgresDatabases, clock: FrozenClock) -> AsyncIterator[Stage]:
    """Run a server with the usual parties on PostgreSQL."""
    async with world(postgres_databases, clock) as w:
        yield await set_stage(w)
    postgres_databases.drop_all()


async def test_a_hop_that_is_made_while_its_parent_is_narrowed_has_no_more(stage: Stage) -> None:
    w = stage.world
    core = w.core
    gamma = await w.agent("gamma", ALL, {DOCS})
    assert stage.b.agent is not None
    assert gamma.agent is not None
    session = await w.session(stage.ada)
    grant = await w.delegation(
        stage.ada, stage.a, stage.grant.details, sid=session.id, max_depth=2,
        allow_agents=(stage.b.agent.id, gamma.agent.id),
    )  # fmt: skip
    code = await w.code(stage.a, stage.ada, grant=grant, scope="docs:read", session=session)
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    actor = await w.actor_token(stage.a)
    narrowed, go_on = threading.Event(), threading.Event()

    async def take_gamma_back() -> None:
        real = core.store

        class Pausing:
            """The store, whose unit stops right before its commit."""

            async def write(self, work):
                def paused(tx: Unit):
                    done = work(tx)
                    narrowed.set()
                    assert go_on.wait(30)
                    return done

                return await real.write(paused)

        keep = Keep(
            scopes={"docs:read"}, objects={"folder:tax"}, hand_over={stage.b.agent.id},
            downstream=(), sharing=False,
        )  # fmt: skip
        paused_core = replace(core, store=Pausing())  # type: ignore[arg-type]
        assert await withdraw.narrow(paused_core, grant.id, keep, By(user=stage.ada)) is True

    taking = asyncio.create_task(take_gamma_back())
    assert await asyncio.to_thread(narrowed.wait, 30)
    handing = asyncio.create_task(
        w.exchange(stage.a, subject, actor=actor, resource=w.uri(stage.b))
    )
    # Until the exchange waits for the narrowing, or has slipped past it.
    while not handing.done():
        if (await core.store.read(lambda tx: tx.fetch(WAITING)))[0][0]:
            break
    go_on.set()
    await taking
    answer = await handing
    assert answer.status_code == 200, answer.text

    def child(tx) -> Delegation | None:
        return core.rows.delegations.get(tx, answer.json()["grant_id"])

    made = await core.store.read(child)
    assert made is not None
    assert made.allow_agents == ()
    assert made.details[0].scopes == {"docs:read"}
    assert made.allow_edges == ()
