"""Scopes that include others: whoever may change may read, and nobody gains by it afterwards."""

import re
from dataclasses import replace
from typing import Any

import pytest

from authz.decision import Denied
from server.domain.delegation import Detail
from server.domain.registry import Ceiling, Resource, Scope, Tool
from server.services.registration import RegistrationError, set_ceiling
from server.services.resources import add_resource, update_resource
from server.services.withdraw import By, Keep, narrow
from tests.protocol.test_decision import question
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import DOCS, World

READ, WRITE, DELETE = "docs:read", "docs:write", "docs:delete"


async def docs_with(w: World, **includes: set[str]) -> Resource:
    """Let scopes of the documents server include others: `write={"docs:read"}`."""
    found = await w.core.store.read(lambda tx: w.core.rows.resources.get(tx, DOCS))
    assert found is not None
    scopes = dict(found.scopes)
    for short, names in includes.items():
        name = f"docs:{short}"
        scopes[name] = replace(scopes[name], includes=frozenset(names))
    changed = replace(found, scopes=scopes)
    await update_resource(w.core, changed, by="test")
    return changed


async def exchanged(stage: Stage, scope: str | None = WRITE, **more: Any) -> set[str]:
    answer = await stage.world.exchange(stage.a, stage.subject, resource=DOCS, scope=scope, **more)
    return set(answer.json().get("scope", answer.json().get("error", "")).split())


@requirement("mandate:scope:hierarchy")
async def test_a_token_says_all_that_its_scopes_include(stage: Stage) -> None:
    assert await exchanged(stage) == {WRITE}
    await docs_with(stage.world, write={READ}, delete={WRITE})
    assert await exchanged(stage) == {READ, WRITE}
    assert await exchanged(stage, READ) == {READ}


@requirement("mandate:scope:hierarchy")
async def test_a_client_and_a_ceiling_with_the_larger_scope_hold_the_smaller(stage: Stage) -> None:
    w = stage.world
    await docs_with(w, write={READ})
    agent = stage.a.agent
    only_write = frozenset({WRITE})
    await set_ceiling(
        w.core, agent.id, Ceiling(scopes=only_write, resources=frozenset({DOCS})), by="test"
    )
    client = replace(stage.a.client, scopes=only_write)
    await w.core.store.write(lambda tx: w.core.rows.clients.update(tx, client))
    assert await exchanged(stage, READ) == {READ}
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope=WRITE)
    token = answer.json()["access_token"]
    told = await w.ask(
        stage.docs,
        question(token, READ, on=["document:t1"]),
    )  # fmt: skip
    assert told.get("decision") is True, told
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert set(seen.json()["scope"].split()) == {READ, WRITE}


@requirement("mandate:scope:hierarchy")
async def test_nobody_gains_by_what_a_scope_includes_later(stage: Stage) -> None:
    """The person agreed to reading and changing; that changing includes deleting is news."""
    w = stage.world
    assert await exchanged(stage, f"{READ} {WRITE}") == {READ, WRITE}
    docs = await docs_with(w)
    scopes = {**docs.scopes, WRITE: replace(docs.scopes[WRITE], destructive=True)}
    scopes[WRITE] = replace(scopes[WRITE], includes=frozenset({DELETE}))
    await update_resource(w.core, replace(docs, scopes=scopes), by="test")
    assert await exchanged(stage, WRITE) == {WRITE}
    assert await exchanged(stage, DELETE) == {"invalid_scope"}


@requirement("mandate:scope:hierarchy")
async def test_a_scope_that_is_gone_is_gone_from_tokens_too(stage: Stage) -> None:
    w = stage.world
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope=f"{READ} {WRITE}")
    token = answer.json()["access_token"]
    docs = await docs_with(w)
    left = {name: scope for name, scope in docs.scopes.items() if name != WRITE}
    await update_resource(w.core, replace(docs, scopes=left), by="test")
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert seen.json()["scope"] == READ
    assert await exchanged(stage, f"{READ} {WRITE}") == {READ}
    told = await w.ask(
        stage.docs,
        question(token, WRITE, on=["document:t1"]),
    )  # fmt: skip
    assert told["decision"] is False


@requirement("mandate:scope:hierarchy")
async def test_taking_reading_away_takes_changing_too(stage: Stage) -> None:
    w = stage.world
    await docs_with(w, write={READ})
    keep = Keep(scopes={WRITE}, objects={"folder:tax"}, hand_over=(), downstream=(), sharing=False)
    assert await narrow(w.core, stage.grant.id, keep, By(user=stage.ada)) is True
    row = await w.core.store.read(lambda tx: w.core.rows.delegations.get(tx, stage.grant.id))
    assert row is not None
    assert row.scopes_at(DOCS) == frozenset()


@requirement("mandate:scope:hierarchy")
async def test_an_agent_as_itself_gets_what_its_scope_includes(stage: Stage) -> None:
    w = stage.world
    docs = await docs_with(w)
    scopes = {
        **docs.scopes,
        WRITE: Scope(name=WRITE, description="x", agent_own=True, includes=frozenset({READ})),
    }
    await update_resource(w.core, replace(docs, scopes=scopes), by="test")
    form = {"grant_type": "client_credentials", "resource": DOCS, "scope": WRITE}
    answer = await w.post("/token", form, by=stage.a)
    assert set(answer.json()["scope"].split()) == {READ, WRITE}


@pytest.mark.parametrize(
    ("scopes", "tools", "words"),
    [
        ([Scope(name="m:w", description="x", includes=frozenset({"m:r"}))], (), "no scope of"),
        (
            [Scope(name="m:r", description="x"),
             Scope(name="m:w", description="x", agent_own=True, includes=frozenset({"m:r"}))],
            (),
            "as itself",
        ),
        (
            [Scope(name="m:r", description="x", destructive=True),
             Scope(name="m:w", description="x", includes=frozenset({"m:r"}))],
            (),
            "destructive",
        ),
        ([], (Tool(name="send", title="Send", scopes=frozenset({"m:s"})),), "no scope of"),
    ],
)  # fmt: skip
async def test_a_hierarchy_that_would_hide_something_is_refused(
    stage: Stage, scopes: list[Scope], tools: tuple[Tool, ...], words: str
) -> None:
    resource = Resource(
        id="https://mail.example", name="Mail", scopes={s.name: s for s in scopes}, tools=tools
    )
    with pytest.raises(RegistrationError, match=words):
        await add_resource(stage.world.core, resource, by="test")


def test_a_ring_of_scopes_ends() -> None:
    ring = {
        name: Scope(name=name, description="x", includes=frozenset({other}))
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"))
    }
    resource = Resource(id="https://ring.example", name="Ring", scopes=ring)
    assert resource.closed(frozenset({"b"})) == {"a", "b", "c"}
    assert resource.closed(frozenset({"unknown"})) == {"unknown"}
    assert resource.whole(frozenset({"a", "b"}), frozenset(ring)) == frozenset()


# -- a resource that changes


async def test_what_a_changed_resource_may_not_do(stage: Stage) -> None:
    core = stage.world.core
    docs = await docs_with(stage.world)
    for changed, words in (
        (replace(docs, types=frozenset({"folder"})), "cannot be dropped"),
        (replace(docs, id="https://other.example"), "no resource"),
        (
            replace(docs, scopes={"notes:read": Scope(name="notes:read", description="x")}),
            "belongs",
        ),
        (replace(docs, model="type nonsense nonsense"), "does not fit"),
        (replace(docs, id=core.policy.issuer), "belongs to the server"),
    ):
        with pytest.raises(RegistrationError, match=words):
            await update_resource(core, changed, by="test")
    after = await core.store.read(lambda tx: core.rows.resources.get(tx, DOCS))
    assert after == docs
    detail = Detail(resource=DOCS, scopes=frozenset({READ}), objects=("folder:tax",))
    assert not isinstance(await stage.world.delegation(stage.ada, stage.b, (detail,)), Denied)


async def test_a_changed_module_counts_in_the_next_decision(stage: Stage) -> None:
    w = stage.world
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope=READ)
    asked = question(answer.json()["access_token"], READ, on=["document:t1"])
    assert (await w.ask(stage.docs, asked))["decision"] is True
    docs = await docs_with(w)
    # From now on a folder gives nothing to what is in it.
    without = re.sub(r" or (owner|editor|viewer) from parent", "", docs.model)
    assert without != docs.model
    await update_resource(w.core, replace(docs, model=without), by="test")
    assert (await w.ask(stage.docs, asked))["decision"] is False


# -- the slash of a bare origin (RFC 3986 §6.2.3)


@requirement("mandate:resource:bare-origin")
@pytest.mark.parametrize("registered", ["https://bare.example", "https://bare.example/"])
async def test_a_bare_origin_is_found_with_its_slash_and_without(
    stage: Stage, registered: str
) -> None:
    w = stage.world
    await w.resource(registered, "bare")
    agent = await w.agent("gamma", {"bare:read"}, {registered})
    for sent in ("https://bare.example", "https://bare.example/"):
        form = {"grant_type": "client_credentials", "resource": sent}
        answer = await w.post("/token", form, by=agent)
        assert answer.status_code == 200, answer.text
        seen = await w.post(
            "/introspect", {"token": answer.json()["access_token"]}, by=w.parties["bare-server"]
        )
        assert seen.json()["aud"] == registered
    for other in (
        "https://bare.example//", "https://bare.example/x", "https://BARE.example",
        "https://bare.example:443", "http://bare.example", "https://bare.example/?",
        "https://bare.example?", "https://bare.example/#", "https://bare.example.",
    ):  # fmt: skip
        form = {"grant_type": "client_credentials", "resource": other}
        answer = await w.post("/token", form, by=agent)
        assert answer.json()["error"] == "invalid_target", other
    other = "https://bare.example" if registered.endswith("/") else "https://bare.example/"
    with pytest.raises(RegistrationError, match="exists already"):
        await add_resource(w.core, Resource(id=other, name="Twin"), by="test")


@requirement("mandate:resource:bare-origin")
async def test_a_path_keeps_its_slash(stage: Stage) -> None:
    answer = await stage.world.exchange(stage.a, stage.subject, resource=f"{DOCS}/")
    assert answer.json()["error"] == "invalid_target"
