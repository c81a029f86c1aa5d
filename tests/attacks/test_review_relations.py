"""Attacks of the review on tuples: sharing unseen, undoing what was no effect, leaving no trace."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest

from authz.relations import Query, RelationTuple
from server.domain.audit import AuditTag
from server.domain.delegation import Detail
from server.domain.registry import Resource, Scope, Status
from server.protocol.relations_api import RelationsApi
from server.services.registration import set_client_status
from server.services.resources import add_resource
from server.services.withdraw import By, revoke
from tests.support.stage import Stage
from tests.support.world import DOCS, Party

BOARD = "https://board.example/mcp"
MODULE = """
module board
type team
  relations
    define member: [user]
    define consented: [consent]
    define ceiling: [agent]
type card
  relations
    define team: [team]
    define owner: [user]
    define viewer: [user, user:*, team#member, card#owner] or owner
    define consented: [consent]
    define ceiling: [agent]
"""


async def at_docs(stage: Stage) -> str:
    """Get A's token for the documents."""
    w = stage.world
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope="docs:read docs:write")
    return str(answer.json()["access_token"])


async def write(stage: Stage, server: Party, **body: Any) -> httpx2.Response:
    """Write relations as a resource server."""
    return await stage.world.http.post("/access/v1/relations", json=body, headers=server.basic)


def one(user: str, relation: str, name: str) -> dict[str, str]:
    """Name a tuple as the wire does."""
    return {"user": user, "relation": relation, "object": name}


async def board(stage: Stage) -> tuple[Party, str]:
    """Register a resource with teams, and get A's token for it."""

    w = stage.world
    scopes = {"board:edit": Scope(name="board:edit", description="Edit", default=True)}
    await add_resource(
        w.core,
        Resource(
            id=BOARD, name="Board", scopes=scopes, types=frozenset({"team", "card"}), model=MODULE
        ),
        by="test",
    )
    server = await w.client("board-server", resource_id=BOARD, grant_types=frozenset())
    agent = await w.agent("card-helper", set(scopes), {BOARD})
    session = await w.session(stage.ada)
    grant = await w.delegation(
        stage.ada, agent, (Detail(resource=BOARD, scopes=frozenset(scopes)),), sid=session.id
    )
    code = await w.code(agent, stage.ada, grant=grant, scope="board:edit", session=session)
    subject = (await w.redeem(agent, code)).json()["access_token"]
    answer = await w.exchange(agent, subject, resource=BOARD)
    assert answer.status_code == 200, answer.text
    return server, str(answer.json()["access_token"])


@pytest.mark.parametrize("user", ["team:eng#member", "card:2#owner", "user:*", "user:usr_eve"])
async def test_no_spelling_of_other_people_slips_past_the_consent_to_share(
    stage: Stage, user: str
) -> None:
    server, token = await board(stage)
    answer = await write(stage, server, writes=[one(user, "viewer", "card:1")], token=token)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"] == "sharing_not_consented"
    # Links between things, and the person's own rights, are no sharing.
    for mine in (
        one("team:eng", "team", "card:1"),
        one(f"user:{stage.ada.id}", "owner", "card:1"),
    ):
        answer = await write(stage, server, writes=[mine], token=token)
        assert answer.status_code == 200, answer.text


async def test_undoing_an_effect_never_takes_what_was_there_before(stage: Stage) -> None:
    w = stage.world
    old = f"user:{stage.ada.id}", "owner", "folder:tax"
    new = f"user:{stage.ada.id}", "viewer", "folder:home"
    answer = await write(
        stage, stage.docs, writes=[one(*old), one(*new)], token=await at_docs(stage)
    )
    assert answer.status_code == 200, answer.text
    effects = await w.core.store.read(lambda tx: w.core.rows.effects.of(tx, stage.grant.id))
    assert [(e.subject, e.relation, e.object) for e in effects] == [new]
    await revoke(w.core, stage.grant.id, By(user=stage.ada), undo=[effect.id for effect in effects])
    owns = [Query(*old)]
    assert await w.core.store.read(lambda tx: w.core.relations.check_many(tx, owns)) == [True]


async def test_what_was_refused_is_written_down(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    share = [one("user:usr_eve", "viewer", "document:t1")]
    assert (await write(stage, stage.docs, writes=share, token=token)).status_code == 403
    consent = [one(f"consent:{stage.grant.id}.0", "consented", "folder:home")]
    assert (await write(stage, stage.docs, writes=consent)).status_code == 403
    assert (await write(stage, stage.notes, writes=share)).status_code == 403
    await revoke(w.core, stage.grant.id, By(user=stage.ada))
    assert (await write(stage, stage.docs, writes=share, token=token)).status_code == 403
    rows = [row for row in await w.audited(AuditTag.RELATIONS) if row[0] == "refused"]
    assert {row[1] for row in rows} == {
        "sharing_not_consented", "reserved_relation", "foreign_type", "delegation_revoked",
    }  # fmt: skip
    shared = next(row for row in rows if row[1] == "sharing_not_consented")
    assert (shared[2], shared[4], shared[5]) == (stage.ada.id, stage.grant.id, "document:t1")


async def test_a_name_for_the_consent_page_leaves_a_trace(stage: Stage) -> None:
    answer = await write(stage, stage.docs, labels={"folder:home": "Cat pictures"})
    assert answer.status_code == 200, answer.text
    rows = await stage.world.audited(AuditTag.RELATIONS)
    assert [row[5] for row in rows] == ["folder:home"]


async def test_a_tuple_of_an_effect_that_is_gone_is_no_error(stage: Stage) -> None:
    w = stage.world
    new = f"user:{stage.ada.id}", "viewer", "folder:home"
    token = await at_docs(stage)
    assert (await write(stage, stage.docs, writes=[one(*new)], token=token)).status_code == 200
    await w.core.store.write(lambda tx: w.core.relations.write(tx, [], [RelationTuple(*new)]))
    effects = await w.core.store.read(lambda tx: w.core.rows.effects.of(tx, stage.grant.id))
    done = await revoke(w.core, stage.grant.id, By(user=stage.ada), undo=[effects[0].id])
    assert getattr(done, "closed", 0) == 1


@pytest.mark.parametrize("path", ["relations", "evaluation", "evaluations"])
async def test_who_is_shut_out_while_the_body_is_on_its_way_is_out(stage: Stage, path: str) -> None:
    w = stage.world
    body = {"writes": [one(f"user:{stage.ada.id}", "viewer", "folder:home")]}

    async def slowly() -> AsyncIterator[bytes]:
        text = orjson.dumps(body)
        yield text[:5]
        await set_client_status(w.core, stage.docs.client.id, Status.SUSPENDED, by="test")
        yield text[5:]

    answer = await w.http.post(f"/access/v1/{path}", content=slowly(), headers=stage.docs.basic)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert await w.audited(AuditTag.RELATIONS) == []


@pytest.mark.parametrize("change", ["grant", "client"])
async def test_what_ends_between_the_checks_and_the_write_stops_the_write(
    stage: Stage, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = stage.world
    token = await at_docs(stage)
    new = f"user:{stage.ada.id}", "viewer", "folder:home"
    real = RelationsApi._behalf

    async def overtaken(self: RelationsApi, *arguments: Any) -> Any:
        behalf = await real(self, *arguments)
        if change == "grant":
            await revoke(w.core, stage.grant.id, By(user=stage.ada))
        else:
            await set_client_status(w.core, stage.docs.client.id, Status.SUSPENDED, by="test")
        return behalf

    monkeypatch.setattr(RelationsApi, "_behalf", overtaken)
    answer = await write(stage, stage.docs, writes=[one(*new)], token=token)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    user, relation, name = new
    assert await w.core.store.read(
        lambda tx: w.core.relations.read(tx, user=user, relation=relation, object=name)
    ) == []  # fmt: skip
    # Told again, it is refused for good.
    assert (await write(stage, stage.docs, writes=[one(*new)], token=token)).status_code in {
        401,
        403,
    }
