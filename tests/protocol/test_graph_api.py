"""The OpenFGA API inside the server: who gets in, what it shows, and what it never changes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from server.domain.audit import AuditTag
from server.domain.registry import Ceiling, Resource, Scope, Status
from server.services.registration import RegistrationError, set_ceiling, set_client_status
from server.services.resources import add_resource
from server.web.routes.graph import STORE
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.stage import Stage, set_stage
from tests.support.world import DOCS, ISSUER, Party, World, world, world_at

GRAPH = f"{ISSUER}/authz"
ALL = {"authz:read", "authz:write", "authz:admin"}
ANYWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run a server whose graph may be asked and written over HTTP."""
    async with world(databases, clock, authz_api=True) as made:
        yield made


@pytest.fixture
async def stage(w: World) -> Stage:
    """Set Ada, agents A and B, and two resource servers on it."""
    return await set_stage(w)


async def keeper(w: World, scopes: set[str] = ALL, name: str = "keeper") -> Party:
    """Register a program that may use the API, as the documentation says."""
    return await w.agent(name, scopes, {GRAPH})


async def token_of(w: World, party: Party, **form: str) -> str:
    """Get a token for the API, with every scope that the client has unless `form` says less."""
    wanted = " ".join(sorted(party.client.scopes))
    data = {"grant_type": "client_credentials", "resource": GRAPH, "scope": wanted, **form}
    answer = await w.post("/token", data, by=party)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def call(
    w: World, token: str, method: str, path: str, body: Any = None, *, store: str = STORE
) -> httpx2.Response:
    """Call the API."""
    path = path.replace("{store}", f"/stores/{store}")
    headers = {"Authorization": f"Bearer {token}"}
    return await w.http.request(method, f"/authz{path}", json=body, headers=headers)


def key(user: str, relation: str, name: str) -> dict[str, str]:
    return {"user": user, "relation": relation, "object": name}


def writing(side: str, *tuples: tuple[str, str, str], **more: str) -> dict[str, Any]:
    return {side: {"tuple_keys": [key(*t) for t in tuples], **more}}


async def test_it_is_off_unless_it_is_switched_on(databases: Databases, clock: FrozenClock):
    async with world(databases, clock) as off:
        for path in ("/stores", f"/stores/{STORE}", f"/stores/{STORE}/check"):
            assert (await off.http.get(f"/authz{path}")).status_code == 404
        agent = await off.agent("keeper", ALL, {GRAPH})
        data = {"grant_type": "client_credentials", "resource": GRAPH, "scope": "authz:read"}
        answer = await off.post("/token", data, by=agent)
        assert answer.json()["error"] == "invalid_target"


async def test_the_product_s_own_graph_is_asked_and_read(stage: Stage):
    w = stage.world
    token = await token_of(w, await keeper(w))
    ada = f"user:{stage.ada.id}"
    asked = {"tuple_key": key(ada, "viewer", "document:t1")}
    answer = await call(w, token, "POST", "{store}/check", asked)
    assert answer.json()["allowed"] is True
    assert answer.headers["cache-control"] == "no-store"
    asked["tuple_key"]["user"] = "user:nobody"
    assert (await call(w, token, "POST", "{store}/check", asked)).json()["allowed"] is False
    listing = {"user": ada, "relation": "viewer", "type": "document"}
    answer = await call(w, token, "POST", "{store}/list-objects", listing)
    assert set(answer.json()["objects"]) == {"document:t1", "document:h1"}
    read = await call(w, token, "POST", "{store}/read", {})
    assert key(ada, "owner", "folder:tax") in [
        {k: t["key"][k] for k in ("user", "relation", "object")} for t in read.json()["tuples"]
    ]
    stores = (await call(w, token, "GET", "/stores")).json()["stores"]
    assert [store["id"] for store in stores] == [STORE]
    assert (await call(w, token, "GET", "{store}")).json()["id"] == STORE
    models = (await call(w, token, "GET", "{store}/authorization-models")).json()
    model_id = models["authorization_models"][0]["id"]
    one = await call(w, token, "GET", f"{{store}}/authorization-models/{model_id}")
    assert "document" in {t["type"] for t in one.json()["authorization_model"]["type_definitions"]}


async def test_a_write_counts_in_the_next_decision_and_is_written_down(stage: Stage):
    w = stage.world
    party = await keeper(w)
    token = await token_of(w, party)
    given = ("user:bob", "viewer", "document:t1")
    answer = await call(w, token, "POST", "{store}/write", writing("writes", given))
    assert answer.status_code == 200, answer.text
    fresh = answer.headers["mandate-consistency-token"]
    asked = await w.http.post(
        f"/authz/stores/{STORE}/check",
        json={"tuple_key": key(*given)},
        headers={"Authorization": f"Bearer {token}", "Mandate-At-Least-As-Fresh": fresh},
    )
    assert asked.json()["allowed"] is True
    answer = await call(w, token, "POST", "{store}/write", writing("deletes", given))
    assert answer.status_code == 200
    asked = await call(w, token, "POST", "{store}/check", {"tuple_key": key(*given)})
    assert asked.json()["allowed"] is False
    rows = await w.audited(AuditTag.RELATIONS)
    assert [(row[0], row[5]) for row in rows] == [("done", "document:t1")] * 2
    assert all(party.agent.id in row[3] for row in rows)


async def test_a_write_for_a_revision_that_is_not_there_yet_writes_nothing(stage: Stage):
    w = stage.world
    token = await token_of(w, await keeper(w))
    answer = await call(w, token, "GET", "{store}")
    name, _, revision = answer.headers["mandate-consistency-token"].rpartition(".")
    before = await everything(w)
    for step, status in ((1, 409), (0, 200)):
        answer = await w.http.post(
            f"/authz/stores/{STORE}/write",
            json=writing("writes", ("user:bob", "viewer", "document:t1")),
            headers={
                "Authorization": f"Bearer {token}",
                "Mandate-At-Least-As-Fresh": f"{name}.{int(revision) + step}",
            },
        )
        assert answer.status_code == status, answer.text
        assert (await everything(w) == before) is (status == 409)


@requirement("mandate:graph:reserved")
@pytest.mark.parametrize("side", ["writes", "deletes"])
@pytest.mark.parametrize("lenient", [True, False])
@pytest.mark.parametrize("of", ["consent", "ceiling", "held"])
async def test_what_only_mandate_writes_is_refused_and_the_refusal_written_down(
    stage: Stage, side: str, lenient: bool, of: str
):
    w = stage.world
    token = await token_of(w, await keeper(w))
    tuples = {
        "consent": (f"consent:{stage.grant.id}.0", "consented", "folder:home"),
        "ceiling": (f"agent:{stage.a.agent.id}", "ceiling", "folder:home"),
        "held": (f"consent:{stage.grant.id}.0", "viewer", "folder:home"),
    }
    more = {"on_duplicate" if side == "writes" else "on_missing": "ignore"} if lenient else {}
    before = await everything(w)
    answer = await call(w, token, "POST", "{store}/write", writing(side, tuples[of], **more))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
    assert await everything(w) == before
    (row,) = await w.audited(AuditTag.RELATIONS)
    assert (row[0], row[1]) == ("refused", "reserved_relation")


async def test_one_refused_tuple_refuses_the_whole_write(stage: Stage):
    w = stage.world
    token = await token_of(w, await keeper(w))
    before = await everything(w)
    body = writing("writes", ("user:bob", "viewer", "document:t1"))
    body |= writing("deletes", (f"consent:{stage.grant.id}.0", "consented", "folder:tax"))
    assert (await call(w, token, "POST", "{store}/write", body)).status_code == 403
    assert await everything(w) == before


async def everything(w: World) -> list[Any]:
    return await w.core.store.read(lambda tx: w.core.relations.changes(tx, 0, 1000))


@requirement("mandate:graph:reserved")
async def test_models_assertions_and_stores_are_not_changed_here(stage: Stage):
    w = stage.world
    token = await token_of(w, await keeper(w))
    models = (await call(w, token, "GET", "{store}/authorization-models")).json()
    model = models["authorization_models"][0]
    answers = [
        await call(w, token, "POST", "/stores", {"name": "another"}),
        await call(w, token, "DELETE", "{store}"),
        await call(w, token, "POST", "{store}/authorization-models", model),
        await call(w, token, "PUT", f"{{store}}/assertions/{model['id']}", {"assertions": []}),
    ]
    assert [a.status_code for a in answers] == [403] * 4
    assert all("mandate resource add --model" in a.json()["message"] for a in answers)
    assert (await call(w, token, "GET", "{store}/authorization-models")).json() == models


@pytest.mark.parametrize("store", [ANYWHERE, "mandate", "0MANDATE000000000000000001"])
async def test_no_other_store_has_an_address(stage: Stage, store: str):
    w = stage.world
    token = await token_of(w, await keeper(w))
    asked = {"tuple_key": key("user:bob", "viewer", "document:t1")}
    for method, path, body in (
        ("POST", "{store}/check", asked),
        ("POST", "{store}/read", {}),
        ("GET", "{store}/changes", None),
        ("GET", "{store}", None),
        ("POST", "{store}/write", writing("writes", ("user:bob", "viewer", "document:t1"))),
    ):
        answer = await call(w, token, method, path, body, store=store)
        assert answer.status_code in (400, 404), answer.text


Attack = Callable[[Stage, Party], Awaitable[str]]


async def _nothing(_: Stage, __: Party) -> str:
    return "no-token"


async def _persons(stage: Stage, _: Party) -> str:
    plain = await stage.world.client("plain", first_party=True, scopes=frozenset(ALL))
    code = await stage.world.code(
        plain, stage.ada, scope="authz:read authz:write", resources=(GRAPH,)
    )
    answer = await stage.world.redeem(plain, code, resource=GRAPH)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def _delegated(stage: Stage, _: Party) -> str:
    return stage.subject


async def _delegated_to_the_graph(stage: Stage, party: Party) -> str:
    from server.domain.delegation import Detail

    w = stage.world
    detail = Detail(resource=GRAPH, scopes=frozenset(ALL))
    grant = await w.delegation(stage.ada, party, (detail,))
    code = await w.code(party, stage.ada, grant=grant, scope=" ".join(sorted(ALL)))
    subject = (await w.redeem(party, code)).json()["access_token"]
    answer = await w.exchange(party, subject, resource=GRAPH)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def _of_another_resource(stage: Stage, _: Party) -> str:
    w = stage.world
    other = await w.agent("reader", {"docs:read"}, {DOCS})
    data = {"grant_type": "client_credentials", "resource": DOCS, "scope": "docs:read"}
    return str((await w.post("/token", data, by=other)).json()["access_token"])


async def _for_the_issuer(stage: Stage, party: Party) -> str:
    return await stage.world.actor_token(party)


async def _expired(stage: Stage, party: Party) -> str:
    token = await token_of(stage.world, party)
    stage.world.clock.advance(seconds=301)
    return token


async def _disabled(stage: Stage, party: Party) -> str:
    token = await token_of(stage.world, party)
    await set_client_status(stage.world.core, party.client.id, Status.SUSPENDED, by="test")
    return token


async def _retired(stage: Stage, party: Party) -> str:
    token = await token_of(stage.world, party)
    await stage.world.set_agent(party, status=Status.RETIRED)
    return token


async def _revoked(stage: Stage, party: Party) -> str:
    token = await token_of(stage.world, party)
    assert (await stage.world.post("/revoke", {"token": token}, by=party)).status_code == 200
    return token


async def _forged(stage: Stage, party: Party) -> str:
    head, body, signature = (await token_of(stage.world, party)).split(".")
    return f"{head}.{body}.{signature[::-1]}"


@requirement("mandate:graph:own-token")
@pytest.mark.parametrize(
    "attack",
    [
        _nothing, _persons, _delegated, _delegated_to_the_graph, _of_another_resource,
        _for_the_issuer, _expired, _disabled, _retired, _revoked, _forged,
    ],
)  # fmt: skip
async def test_no_other_token_gets_in(stage: Stage, attack: Attack):
    token = await attack(stage, await keeper(stage.world))
    before = await everything(stage.world)
    write = writing("writes", ("user:bob", "viewer", "document:t1"))
    for path, body in (("{store}/read", {}), ("{store}/write", write)):
        answer = await call(stage.world, token, "POST", path, body)
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"].startswith("auth_failed_invalid_")
    assert await everything(stage.world) == before


async def test_each_scope_opens_its_own_calls_and_no_other(stage: Stage):
    w = stage.world
    write = writing("writes", ("user:bob", "viewer", "document:t1"))
    calls = {
        "authz:read": ("POST", "{store}/read", {}),
        "authz:write": ("POST", "{store}/write", write),
        "authz:admin": ("GET", "/stores", None),
    }
    party = await keeper(w)
    for held in ALL:
        token = await token_of(w, party, scope=held)
        for needed, (method, path, body) in calls.items():
            answer = await call(w, token, method, path, body)
            assert answer.status_code == (200 if needed == held else 403), answer.text


async def test_a_ceiling_that_shrinks_takes_the_scope_out_of_tokens_that_are_out(stage: Stage):
    w = stage.world
    party = await keeper(w)
    token = await token_of(w, party)
    smaller = Ceiling(scopes=frozenset({"authz:read"}), resources=frozenset({GRAPH}))
    await set_ceiling(w.core, party.agent.id, smaller, by="test")
    assert (await call(w, token, "POST", "{store}/read", {})).status_code == 200
    write = writing("writes", ("user:bob", "viewer", "document:t1"))
    assert (await call(w, token, "POST", "{store}/write", write)).status_code == 403


async def test_a_client_gets_no_scope_that_it_was_not_given(stage: Stage):
    w = stage.world
    nobody = await w.agent("nobody", set(), {GRAPH})
    for form in ({}, {"scope": "authz:read"}, {"scope": "authz:write"}):
        data = {"grant_type": "client_credentials", "audience": GRAPH, **form}
        answer = await w.post("/token", data, by=nobody)
        assert answer.json()["error"] == "invalid_scope"


async def test_a_token_is_refused_before_its_body_is_read(stage: Stage):
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 10_000

    headers = {"Authorization": "Bearer nothing"}
    url = f"/authz/stores/{STORE}/write"
    answer = await stage.world.http.post(url, content=body(), headers=headers)
    assert answer.status_code == 401
    token = await token_of(stage.world, await keeper(stage.world))
    answer = await call(stage.world, token, "POST", "{store}/write", {"x": "y" * 700_000})
    assert answer.status_code == 413


async def test_another_worker_sees_a_write_and_a_revocation_at_once(
    stage: Stage, clock: FrozenClock
):
    w = stage.world
    party = await keeper(w)
    token = await token_of(w, party)
    url = w.server.settings.database_url
    async with world_at(url, clock, authz_api=True) as other:
        given = ("user:bob", "viewer", "document:t1")
        asked = {"tuple_key": key(*given)}
        assert (await call(other, token, "POST", "{store}/check", asked)).json()["allowed"] is False
        await call(w, token, "POST", "{store}/write", writing("writes", given))
        assert (await call(other, token, "POST", "{store}/check", asked)).json()["allowed"] is True
        await set_client_status(w.core, party.client.id, Status.SUSPENDED, by="test")
        assert (await call(other, token, "POST", "{store}/check", asked)).status_code == 401


async def test_nobody_else_registers_the_resource_or_its_scopes(w: World):
    mine = Resource(id=GRAPH, name="Mine")
    stolen = Scope(name="authz:write", description="Anything")
    other = Resource(id="https://x.example", name="X", scopes={"authz:write": stolen})
    for resource in (mine, other):
        with pytest.raises(RegistrationError):
            await add_resource(w.core, resource, by="test")
