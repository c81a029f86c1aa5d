"""AuthZEN 1.0: several evaluations in one request, request identifiers, metadata."""

from typing import Any

import httpx2
import pytest

from server.domain.audit import AuditTag
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import DOCS, ISSUER, Party

READ = {"name": "docs:read", "properties": {"relation": "viewer", "tool": "read"}}
MINE = {"type": "document", "id": "t1"}
BEYOND = {"type": "document", "id": "h1"}


async def a_token(stage: Stage) -> dict[str, str]:
    answer = await stage.world.exchange(
        stage.a, stage.subject, resource=DOCS, scope="docs:read docs:write"
    )
    return {"type": "access_token", "id": str(answer.json()["access_token"])}


async def post(
    stage: Stage, body: Any, by: Party | None = None, request_id: str | None = None
) -> httpx2.Response:
    headers = {} if request_id is None else {"X-Request-ID": request_id}
    return await stage.world.http.post(
        "/access/v1/evaluations", json=body, headers={**(by or stage.docs).basic, **headers}
    )


async def decisions(stage: Stage, body: Any) -> list[bool]:
    answer = await post(stage, body)
    assert answer.status_code == 200, answer.text
    return [each["decision"] for each in answer.json()["evaluations"]]


@requirement("authzen:7:order")
async def test_each_evaluation_is_decided_alone_and_in_order(stage: Stage) -> None:
    subject = await a_token(stage)
    listed = [{"subject": subject, "action": READ, "resource": r} for r in (MINE, BEYOND, MINE)]
    answer = (await post(stage, {"evaluations": listed})).json()
    assert "decision" not in answer
    assert [each["decision"] for each in answer["evaluations"]] == [True, False, True]
    refused = answer["evaluations"][1]["context"]
    assert (refused["reason"], refused["sub"]) == ("consent_object", stage.ada.id)


@requirement("mandate:audit:both-named")
async def test_each_decision_is_a_row_of_the_audit(stage: Stage) -> None:
    subject = await a_token(stage)
    body = {
        "subject": subject,
        "action": READ,
        "evaluations": [{"resource": MINE}, {"resource": BEYOND}],
    }
    answer = (await post(stage, body)).json()
    rows = await stage.world.audited(AuditTag.DECISION)
    assert sorted(row[0] for row in rows) == ["done", "refused"]
    ids = {each["context"]["evaluation_id"] for each in answer["evaluations"]}
    assert len(ids) == 2


@requirement("authzen:7.1.1:defaults")
async def test_what_an_evaluation_leaves_out_is_taken_from_the_top(stage: Stage) -> None:
    common = {"subject": await a_token(stage), "action": READ, "resource": MINE}
    write = {**READ, "name": "docs:delete"}
    listed = [{}, {"resource": BEYOND}, {"action": write}, {"resources": [MINE, BEYOND]}]
    assert await decisions(stage, {**common, "evaluations": listed}) == [True, False, False, False]
    # An empty list is no way to ask about no object where there is one.
    assert await decisions(stage, {**common, "evaluations": [{"resources": []}]}) == [False]
    # An own object never joins the common ones: neither may be smuggled past the other.
    several = {**common, "resources": [BEYOND]}
    assert await decisions(stage, {**several, "evaluations": [{"resource": MINE}, {}]}) == [
        True,
        False,
    ]


@requirement("authzen:7.1.2:semantics")
@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
async def test_the_semantic_says_where_to_stop(
    stage: Stage, semantic: str, expected: list[bool]
) -> None:
    body = {
        "subject": await a_token(stage), "action": READ,
        "options": {"evaluations_semantic": semantic},
        "evaluations": [{"resource": r} for r in (MINE, BEYOND, MINE, BEYOND)],
    }  # fmt: skip
    assert await decisions(stage, body) == expected
    # What was not decided is not in the audit either.
    assert len(await stage.world.audited(AuditTag.DECISION)) == len(expected)


@requirement("authzen:7.2.1:error-denies")
async def test_a_malformed_evaluation_is_a_denial_that_says_so(stage: Stage) -> None:
    common = {"subject": await a_token(stage), "action": READ}
    unreadable: tuple[Any, ...] = (
        {"resource": {"type": "document"}},
        {"resource": 7},
        {"subject": None},
        "x",
        None,
        [],
    )
    for bad in unreadable:
        body = {**common, "evaluations": [bad, {"resource": MINE}]}
        answer = await post(stage, body)
        first, second = answer.json()["evaluations"]
        assert (first["decision"], second["decision"]) == (False, True), bad
        assert (first["context"]["reason"], first["context"]["error"]["status"]) == (
            "malformed",
            400,
        )
    stops = {"evaluations_semantic": "deny_on_first_deny"}
    body = {**common, "options": stops, "evaluations": [{"resource": 7}, {"resource": MINE}]}
    assert await decisions(stage, body) == [False]


@requirement("authzen:7.1:single")
async def test_without_evaluations_it_is_a_single_one(stage: Stage) -> None:
    one = {"subject": await a_token(stage), "action": READ, "resource": MINE}
    for body in (one, {**one, "evaluations": []}):
        answer = (await post(stage, body)).json()
        assert answer["decision"] is True
        assert "evaluations" not in answer


@pytest.mark.parametrize(
    "change",
    [
        {"evaluations": {}}, {"evaluations": "all"}, {"options": []},
        {"options": {"evaluations_semantic": "any"}}, {"options": {"evaluations_semantic": []}},
        {"evaluations": [{}] * 51},
        {"evaluations": [{"resources": [{"type": "document", "id": f"{n}.{i}"} for i in range(21)]} for n in range(5)]},
    ],
)  # fmt: skip
async def test_a_request_that_is_no_request_is_refused_whole(
    stage: Stage, change: dict[str, Any]
) -> None:
    one = {"subject": await a_token(stage), "action": READ, "resource": MINE}
    answer = await post(stage, {**one, "evaluations": [{}], **change})
    assert (answer.status_code, answer.json()["reason"]) == (400, "malformed")
    assert await stage.world.audited(AuditTag.DECISION) == []


async def test_tokens_of_other_resources_tell_nothing_among_others_either(stage: Stage) -> None:
    subject = await a_token(stage)
    asked = {"subject": subject, "action": {"name": "notes:read"}}
    answer = await post(stage, {"evaluations": [asked, asked]}, by=stage.notes)
    for each in answer.json()["evaluations"]:
        assert each["decision"] is False
        assert each["context"].keys() == {"evaluation_id", "reason", "action"}
        assert each["context"]["reason"] == "wrong_audience"
    # Nor to a client that is no resource server, whatever it asks about.
    answer = await post(stage, {"evaluations": [asked]}, by=stage.a)
    assert answer.status_code == 403


@requirement("authzen:10.1.3:request-id")
async def test_the_callers_request_id_comes_back_and_nothing_else_does(stage: Stage) -> None:
    one = {"subject": await a_token(stage), "action": READ, "resource": MINE}
    answer = await post(stage, one, request_id="bfe9eb29-ab87")
    assert answer.headers.get_list("x-request-id") == ["bfe9eb29-ab87"]
    refused = await post(stage, {}, request_id="again")
    assert (refused.status_code, refused.headers["x-request-id"]) == (400, "again")
    for unwanted in ("a b", "x" * 129, "\u00e4"):
        headers = {**stage.docs.basic, "X-Request-ID": unwanted.encode("latin-1")}
        answer = await stage.world.http.post("/access/v1/evaluation", json=one, headers=headers)  # type: ignore[arg-type]
        assert answer.headers["x-request-id"] != unwanted
        assert len(answer.headers["x-request-id"]) == 32
    # It is said in answers, never believed elsewhere.
    other = await stage.world.http.get("/jwks", headers={"X-Request-ID": "mine"})
    assert other.headers["x-request-id"] != "mine"


@requirement("authzen:9:metadata")
async def test_the_metadata_names_the_decision_point_as_it_was_asked(stage: Stage) -> None:
    answer = await stage.world.http.get("/.well-known/authzen-configuration")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "policy_decision_point": ISSUER,
        "access_evaluation_endpoint": f"{ISSUER}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{ISSUER}/access/v1/evaluations",
        "search_resource_endpoint": f"{ISSUER}/access/v1/search/resource",
        "search_action_endpoint": f"{ISSUER}/access/v1/search/action",
    }
