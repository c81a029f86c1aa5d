"""Delegations of many details: many questions to the graph, in as many batches as it takes."""

from typing import Any

from authz.resources import tool_object
from server.domain.delegation import Detail
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import DOCS

NAMES = [f"document:d{n:03}" for n in range(60)]
CONSENTED = NAMES[:10]


async def token_of(stage: Stage, *more: tuple[str, str, str]) -> str:
    """A token of a delegation with one detail for each document."""
    w = stage.world
    await w.relate(*((f"user:{stage.ada.id}", "viewer", name) for name in NAMES))
    details = tuple(
        Detail(resource=DOCS, scopes=frozenset({"docs:read"}), objects=(name,))
        for name in CONSENTED
    )
    grant = await w.delegation(stage.ada, stage.a, details)
    session = await w.session(stage.ada)
    code = await w.code(stage.a, stage.ada, grant=grant, scope="docs:read", session=session)
    own = (await w.redeem(stage.a, code)).json()["access_token"]
    for user, relation, name in more:
        await w.relate((user.format(ada=stage.ada.id, grant=grant.id), relation, name))
    return str(
        (await w.exchange(stage.a, own, resource=DOCS, scope="docs:read")).json()["access_token"]
    )


async def search(stage: Stage, token: str, what: str, **changes: Any) -> Any:
    body = {
        "subject": {"type": "access_token", "id": token},
        "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
        "resource": {"type": "document"},
    } | changes
    path = f"/access/v1/search/{what}"
    return (await stage.world.http.post(path, json=body, headers=stage.docs.basic)).json()


@requirement("authzen:8.1:search-is-evaluation")
async def test_a_page_of_objects_under_many_details_is_decided(stage: Stage) -> None:
    answer = await search(stage, await token_of(stage), "resource")
    assert [f"document:{one['id']}" for one in answer["results"]] == CONSENTED
    assert answer["page"]["next_token"]


@requirement("authzen:8.1:search-is-evaluation")
async def test_searches_know_the_tools_that_an_evaluation_allows(stage: Stage) -> None:
    own, other = tool_object(DOCS, "read_document"), tool_object("https://other.example/mcp", "x")
    token = await token_of(
        stage,
        ("user:{ada}", "caller", own),
        ("consent:{grant}.0", "consented", own),
        ("user:{ada}", "caller", other),
        ("consent:{grant}.0", "consented", other),
    )
    kind, _, name = own.partition(":")
    as_caller = {"name": "docs:read", "properties": {"relation": "caller"}}
    found = await search(stage, token, "resource", action=as_caller, resource={"type": kind})
    assert found["results"] == [{"type": kind, "id": name}]
    actions = await search(stage, token, "action", resource={"type": kind, "id": name})
    assert {one["properties"]["relation"] for one in actions["results"]} == {"caller"}
    foreign = {"type": kind, "id": other.partition(":")[2]}
    assert (await search(stage, token, "action", resource=foreign))["results"] == []
