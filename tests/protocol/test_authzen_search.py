"""AuthZEN 1.0 §8: a search names what an evaluation would allow, and nothing else."""

import base64
from typing import Any

import httpx2
import pytest

from server.domain.audit import AuditTag
from tests.protocol.test_authzen import READ, a_token
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import Party


async def search(
    stage: Stage, what: str, body: Any, by: Party | None = None, status: int = 200
) -> Any:
    answer: httpx2.Response = await stage.world.http.post(
        f"/access/v1/search/{what}", json=body, headers=(by or stage.docs).basic
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def allowed(stage: Stage, body: Any) -> bool:
    return bool((await stage.world.ask(stage.docs, body))["decision"])


@pytest.fixture
async def many(stage: Stage) -> Stage:
    """Put documents where Ada consented, where she did not, and where she may not look."""
    for n in range(7):
        await stage.world.relate(
            ("folder:tax", "parent", f"document:in{n}"),
            ("folder:home", "parent", f"document:out{n}"),
            ("user:bob", "owner", f"document:other{n}"),
        )
    return stage


@requirement("authzen:8.1:search-is-evaluation")
async def test_resources_are_those_that_an_evaluation_allows(many: Stage) -> None:
    subject = await a_token(many)
    body = {"subject": subject, "action": READ, "resource": {"type": "document"}}
    answer = await search(many, "resource", body)
    found = {each["id"] for each in answer["results"]}
    assert found == {"t1", *(f"in{n}" for n in range(7))}
    assert answer["page"] == {"next_token": "", "count": 8}
    everything = {*found, "h1", *(f"{x}{n}" for x in ("out", "other") for n in range(7))}
    for name in everything:
        one = {**body, "resource": {"type": "document", "id": name}}
        assert await allowed(many, one) is (name in found)
    (row,) = await many.world.audited(AuditTag.SEARCH)
    assert (row[0], row[2]) == ("done", many.ada.id)


@requirement("authzen:8.2:pages")
@pytest.mark.parametrize("limit", [1, 3, 8, 50, 10_000])
async def test_pages_have_everything_once(many: Stage, limit: int) -> None:
    body: dict[str, Any] = {
        "subject": await a_token(many),
        "action": READ,
        "resource": {"type": "document"},
        "page": {"limit": limit},
    }
    found: list[str] = []
    for _ in range(30):
        answer = await search(many, "resource", body)
        assert len(answer["results"]) == answer["page"]["count"] <= limit
        found += [each["id"] for each in answer["results"]]
        token = answer["page"]["next_token"]
        if not token:
            break
        # The limit of the first page stays where a later one leaves it out (§8.2.3).
        body["page"] = {"token": token, **({"limit": limit} if len(found) % 2 else {})}
    assert sorted(found) == sorted({"t1", *(f"in{n}" for n in range(7))})


@requirement("authzen:8.2.1:same-search")
async def test_a_page_token_is_for_the_same_search_alone(many: Stage) -> None:
    body: dict[str, Any] = {
        "subject": await a_token(many),
        "action": READ,
        "resource": {"type": "document"},
        "page": {"limit": 2},
    }
    token = (await search(many, "resource", body))["page"]["next_token"]
    page = {"limit": 2, "token": token}
    assert token
    for change in (
        {"page": {**page, "limit": 3}},
        {"page": {"token": token[:-8] + "AAAAAAA="}},
        {"page": {"token": "A" * 20}},
        {"page": {"token": "\u00e4"}},
        {"page": {**page, "token": token[:-4]}},
        {"page": page, "resource": {"type": "folder"}},
        {"page": page, "action": {**READ, "name": "docs:write"}},
        {"page": page, "subject": await a_token(many)},
        {"page": page, "context": {"request_id": "x"}},
    ):
        answer = await search(many, "resource", {**body, **change}, status=400)
        assert answer["reason"] == "malformed"
    await search(many, "action", {**body, "page": page, "resource": _T1}, status=400)
    # Nor has another resource server anything of it.
    answer = await search(many, "resource", {**body, "page": page}, by=many.notes, status=400)
    assert answer["reason"] == "malformed"


async def test_a_page_token_does_not_tell_where_its_page_ended(many: Stage) -> None:
    # It comes first, Ada holds it, and she did not consent to it: its name is not for the agent.
    await many.world.relate(("folder:home", "parent", "document:a-secret-name"))
    body: dict[str, Any] = {
        "subject": await a_token(many),
        "action": READ,
        "resource": {"type": "document"},
        "page": {"limit": 1},
    }
    answer = await search(many, "resource", body)
    token = answer["page"]["next_token"]
    assert (answer["results"], bool(token)) == ([], True)
    assert b"secret" not in token.encode() + base64.urlsafe_b64decode(token)
    # Nor is it the same for the same place, so that two of them cannot be compared.
    assert (await search(many, "resource", body))["page"]["next_token"] != token


async def test_what_a_search_carries_along_may_be_any_json(many: Stage) -> None:
    body: dict[str, Any] = {
        "subject": await a_token(many),
        "action": READ,
        "resource": {"type": "document", "properties": {"size": 10**30}},
        "page": {"limit": 1},
    }
    token = (await search(many, "resource", body))["page"]["next_token"]
    await search(many, "resource", {**body, "page": {"token": token}})
    other = {**body, "resource": {"type": "document", "properties": {"size": 10**30 + 1}}}
    await search(many, "resource", {**other, "page": {"token": token}}, status=400)


_T1 = {"type": "document", "id": "t1"}


@requirement("authzen:8.5:id-ignored")
async def test_the_id_of_what_is_searched_for_is_ignored(many: Stage) -> None:
    subject = await a_token(many)
    body = {"subject": subject, "action": READ, "resource": {"type": "folder", "id": "home"}}
    found = (await search(many, "resource", body))["results"]
    assert found == [{"type": "folder", "id": "tax"}]


async def test_a_search_follows_a_revocation_and_a_token_of_others_finds_nothing(
    many: Stage,
) -> None:
    subject = await a_token(many)
    body = {"subject": subject, "action": READ, "resource": {"type": "document"}}
    cases: list[tuple[Any, Party | None, str]] = [
        ({**body, "subject": {"type": "access_token", "id": "x"}}, None, "token_invalid"),
        (body, many.notes, "wrong_audience"),
        ({**body, "action": {**READ, "name": "docs:delete"}}, None, "insufficient_scope"),
        ({**body, "resource": {"type": "user"}}, None, "user_relation"),
        ({**body, "action": _relation("nothing")}, None, "user_relation"),
    ]
    for asked, by, reason in cases:
        answer = await search(many, "resource", asked, by)
        assert (answer["results"], answer["context"]["reason"]) == ([], reason)
    await many.world.post("/revoke", {"token": subject["id"]}, by=many.a)
    for what, asked in (("resource", body), ("action", {**body, "resource": _T1})):
        answer = await search(many, what, asked)
        assert (answer["results"], answer["context"]["reason"]) == ([], "token_revoked")


def _relation(name: str) -> dict[str, Any]:
    return {"name": "docs:read", "properties": {"relation": name}}


@requirement("authzen:8.1:search-is-evaluation")
async def test_actions_are_those_that_an_evaluation_allows(many: Stage) -> None:
    subject = await a_token(many)
    for name, some in (("t1", True), ("h1", False), ("other1", False)):
        body = {"subject": subject, "resource": {"type": "document", "id": name}}
        results = (await search(many, "action", body))["results"]
        assert bool(results) is some
        found = {(each["name"], each["properties"]["relation"]) for each in results}
        for scope in ("docs:read", "docs:write", "docs:delete"):
            for relation in ("owner", "editor", "viewer", "parent", "consented", "ceiling"):
                action = {"name": scope, "properties": {"relation": relation}}
                one = {**body, "action": action}
                assert await allowed(many, one) is ((scope, relation) in found)
    assert ("docs:read", "viewer") in {
        (each["name"], each["properties"]["relation"])
        for each in (await search(many, "action", {**body, "resource": _T1}))["results"]
    }


async def test_actions_come_in_pages(many: Stage) -> None:
    body: dict[str, Any] = {"subject": await a_token(many), "resource": _T1}
    whole = (await search(many, "action", body))["results"]
    found, page = [], {"limit": 2}
    for _ in range(30):
        answer = await search(many, "action", {**body, "page": page})
        found += answer["results"]
        if not answer["page"]["next_token"]:
            break
        page = {"limit": 2, "token": answer["page"]["next_token"]}
    assert found == whole != []


@pytest.mark.parametrize(
    "change",
    [
        {"page": []},
        {"page": {"limit": 0}},
        {"page": {"limit": -1}},
        {"page": {"limit": True}},
        {"page": {"limit": "2"}},
        {"page": {"token": 5}},
        {"page": {"token": "AAAA"}},
        {"resource": {"type": "a b"}},
        {"resource": {"type": "document:t1"}},
        {"resource": {"type": ["document"]}},
        {"resource": "document"},
        {"resources": [_T1]},
        {"action": {"name": "docs:read"}},
        {"subject": {"type": "user", "id": "ada"}},
    ],
)
async def test_a_malformed_search_is_refused(stage: Stage, change: Any) -> None:
    body = {"subject": await a_token(stage), "action": READ, "resource": {"type": "document"}}
    answer = await search(stage, "resource", {**body, **change}, status=400)
    assert answer["reason"] == "malformed"


async def test_only_the_server_of_a_resource_searches(stage: Stage) -> None:
    body = {"subject": await a_token(stage), "action": READ, "resource": {"type": "document"}}
    answer = await search(stage, "resource", body, by=stage.a, status=403)
    assert answer["reason"] == "no_resource"
    answer = await stage.world.http.post("/access/v1/search/resource", json=body)
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["t1 document:h1", "t1\tx", "t1\u00a0x", " t1", "t1\n"])
async def test_an_id_with_white_space_is_no_object(stage: Stage, name: str) -> None:
    body = {"subject": await a_token(stage), "action": READ}
    body["resource"] = {"type": "document", "id": name}
    answer = await stage.world.http.post(
        "/access/v1/evaluation", json=body, headers=stage.docs.basic
    )
    assert (answer.status_code, answer.json()["reason"]) == (400, "malformed")
