"""Hostile requests to a real server: the standard error and nothing else, never 500."""

import contextlib
import json
from typing import Any

import httpx2
import pytest

from tests.authz_api.conftest import KEY
from tests.authz_api.sdk_journey import CONDITIONS, TYPES, UNKNOWN

MODEL: dict[str, Any] = {
    "schema_version": "1.1",
    "type_definitions": TYPES,
    "conditions": CONDITIONS,
}
QUESTION = {"user": "user:anne", "relation": "viewer", "object": "document:1"}


@pytest.fixture
def store(http: httpx2.Client) -> str:
    made = http.post("/stores", json={"name": "hostile"})
    assert made.status_code == 201
    path = f"/stores/{made.json()['id']}"
    assert http.post(f"{path}/authorization-models", json=MODEL).status_code == 201
    return path


def refused(answer: httpx2.Response, *statuses: int) -> str:
    """Return the code of a standard error; fail for anything else."""
    assert answer.status_code in (statuses or (400,)), answer.text
    body = answer.json()
    if "error" in body:
        assert set(body["error"]) == {"code", "message", "details"}
        return str(body["error"]["code"])
    assert set(body) == {"code", "message"}
    return str(body["code"])


BODIES = {
    "nothing but a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "half an object": b'{"tuple_key":',
    "two members of one name": b'{"tuple_key":{},"tuple_key":{}}',
    "more behind it": b"{} {}",
    "no UTF-8": b'{"a":"\xff"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"a":NaN}',
    "a long number": b'{"page_size":' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"a":"\\ud800"}',
    "NUL": b'{"a":"\\u0000"}',
    "deep lists": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
}
POSTS = (
    "check",
    "batch-check",
    "expand",
    "list-objects",
    "streamed-list-objects",
    "list-users",
    "read",
    "write",
    "authorization-models",
    "delete-matching",
    "explain",
    "reach",
    "what-if",
)


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_cannot_be_read_is_refused_by_every_call(http, store, what):
    for call in POSTS:
        assert refused(http.post(f"{store}/{call}", content=BODIES[what]))
    assert refused(http.post("/stores", content=BODIES[what]))


def test_a_body_without_end_is_not_read_to_its_end(http, store):
    def endless():
        for _ in range(4096):
            yield b" " * 65536

    for call in POSTS:
        code = refused(http.post(f"{store}/{call}", content=b" " * 700_000), 413)
        assert code in {"exceeded_entity_limit", "8"}
    # It may be cut off while it is still sending.
    with contextlib.suppress(httpx2.TransportError):
        assert refused(http.post(f"{store}/check", content=endless()), 413)


WRONG: tuple[Any, ...] = (
    1,
    1.5,
    True,
    "x",
    [],
    [1],
    [[]],
    {},
    {"a": 1},
    [{"a": 1}],
    "é" * 400,
    -1,
    10**30,
)
SHAPES: dict[str, dict[str, Any]] = {
    "check": {"tuple_key": QUESTION, "contextual_tuples": {"tuple_keys": [QUESTION]},
              "authorization_model_id": UNKNOWN, "context": {"x": 1}, "consistency": "UNSPECIFIED"},
    "batch-check": {"checks": [{"tuple_key": QUESTION, "correlation_id": "a"}]},
    "expand": {"tuple_key": QUESTION},
    "list-objects": {"type": "document", "relation": "viewer", "user": "user:anne", "context": {}},
    "streamed-list-objects": {"type": "document", "relation": "viewer", "user": "user:anne"},
    "list-users": {"object": {"type": "document", "id": "1"}, "relation": "viewer",
                   "user_filters": [{"type": "user"}], "contextual_tuples": [QUESTION]},
    "read": {"tuple_key": QUESTION, "page_size": 5, "continuation_token": ""},
    "write": {"writes": {"tuple_keys": [{**QUESTION, "condition": {"name": "small", "context": {"x": 1}}}],
                         "on_duplicate": "ignore"},
              "deletes": {"tuple_keys": [QUESTION], "on_missing": "ignore"}},
    "authorization-models": MODEL,
    "delete-matching": {"tuple_key": {"user": "user:nobody", "object": "document:"}, "dry_run": True},
    "explain": {"tuple_key": QUESTION, "contextual_tuples": {"tuple_keys": [QUESTION]}},
    "reach": {"object": "document:1", "relation": "viewer", "context": {"x": 1}, "page_size": 5},
    "what-if": {"writes": {"tuple_keys": [QUESTION]}, "checks": [{"tuple_key": QUESTION}]},
}  # fmt: skip


def mutations(value: Any):
    """Yield copies of a JSON value with one part of it replaced by something else."""
    yield from WRONG
    if isinstance(value, dict):
        for key, part in value.items():
            for other in mutations(part):
                yield {**value, key: other}
    if isinstance(value, list):
        for at, part in enumerate(value):
            for other in mutations(part):
                yield [*value[:at], other, *value[at + 1 :]]


@pytest.mark.parametrize("call", [name for name in SHAPES if name != "authorization-models"])
def test_no_part_of_a_wrong_type_is_an_error_of_ours(http, store, call):
    for body in mutations(SHAPES[call]):
        answer = http.post(f"{store}/{call}", content=json.dumps(body).encode())
        assert answer.status_code in {200, 400, 409}, (body, answer.text)
        if answer.status_code != 200:
            refused(answer, 400, 409)


def test_no_part_of_a_model_of_a_wrong_type_is_an_error_of_ours(http, store):
    small = {**MODEL, "type_definitions": [TYPES[0], TYPES[1]]}
    del small["conditions"]
    for body in [*mutations(small), *({**MODEL, "conditions": c} for c in mutations(CONDITIONS))]:
        answer = http.post(f"{store}/authorization-models", content=json.dumps(body).encode())
        assert answer.status_code in {201, 400}, (body, answer.text)


NAMES = (
    "user:a\x00b", "user:a b", "user:\u2028", "user:", ":a", "user", "", "#", "user:a#", "user:a#b#c",
    "user:*#member", "user:" + "a" * 600, "us*er:a", "user:a@b:c", "a" * 300 + ":b", "user:\x7f",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_is_refused_wherever_it_stands(http, store, name):
    for field in ("user", "object"):
        key = {**QUESTION, field: name}
        if (field, name) == ("user", "user:a@b:c"):
            continue  # an id may hold these
        refused(http.post(f"{store}/check", json={"tuple_key": key}))
        refused(http.post(f"{store}/write", json={"writes": {"tuple_keys": [key]}}))
        own = {"tuple_key": QUESTION, "contextual_tuples": {"tuple_keys": [key]}}
        refused(http.post(f"{store}/check", json=own))
    assert http.post(f"{store}/read", json={}).json()["tuples"] == []


@pytest.mark.parametrize(
    "odd", ["%00", "..%2f..", "%f0%9f%98%80", "a" * 5000, "mandate", "x'--", "*"]
)
def test_an_id_in_the_path_that_is_none_is_refused(http, odd):
    for path in (f"/stores/{odd}", f"/stores/{UNKNOWN}/authorization-models/{odd}"):
        refused(http.get(path), 400, 404)
    refused(http.delete(f"/stores/{odd}"), 400, 404)
    refused(http.put(f"/stores/{UNKNOWN}/assertions/{odd}", json={}), 400, 404)


@pytest.mark.parametrize(
    "query",
    ["page_size=0", "page_size=101", "page_size=x", "page_size=-1", "page_size=1&page_size=2",
     "page_size=%00", "page_size=99999999999999999999", "continuation_token=x",
     "continuation_token=%00", "page_size=%d9%a3"],
)  # fmt: skip
def test_a_page_that_is_none_is_refused(http, store, query):
    for path in ("/stores", f"{store}/authorization-models", f"{store}/changes"):
        refused(http.get(f"{path}?{query}"))


@pytest.mark.parametrize("time", ["x", "2026", "2026-01-01", "2999-01-01T00:00:00Z", "%00",
                                  "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])  # fmt: skip
def test_a_time_that_is_none_is_refused(http, store, time):
    refused(http.get(f"{store}/changes?start_time={time.replace('+', '%2B')}"))


def test_limits_of_numbers_hold(http, store):
    many = [{**QUESTION, "user": f"user:{n}"} for n in range(101)]
    assert refused(http.post(f"{store}/write", json={"writes": {"tuple_keys": many}})) == (
        "exceeded_entity_limit"
    )
    own = {"tuple_keys": [{**QUESTION, "user": f"user:{n}"} for n in range(1001)]}
    for call in ("check", "explain", "list-objects"):
        refused(http.post(f"{store}/{call}", json={**SHAPES[call], "contextual_tuples": own}))
    compared = {**SHAPES["what-if"], "checks": [{"tuple_key": QUESTION}] * 21}
    refused(http.post(f"{store}/what-if", json=compared))
    checks = [{"tuple_key": QUESTION, "correlation_id": str(n)} for n in range(51)]
    refused(http.post(f"{store}/batch-check", json={"checks": checks}))
    model = http.get(f"{store}/authorization-models").json()["authorization_models"][0]["id"]
    asserted = [{"tuple_key": QUESTION, "expectation": True}] * 101
    code = refused(http.put(f"{store}/assertions/{model}", json={"assertions": asserted}))
    assert code == "assertions_too_many_items"
    large = {"tuple_key": QUESTION, "context": {"x": "a" * 40_000}}
    refused(http.post(f"{store}/check", json=large))


def test_a_deep_model_is_bounded(http, store):
    rewrite: dict[str, Any] = {"this": {}}
    for _ in range(60):
        rewrite = {"union": {"child": [rewrite, {"computedUserset": {"relation": "b"}}]}}
    body = {
        "schema_version": "1.1",
        "type_definitions": [{"type": "a", "relations": {"b": rewrite}}],
    }
    refused(http.post(f"{store}/authorization-models", json=body))


def test_what_is_no_call_is_told_in_the_standard_form(http, store):
    assert refused(http.get("/nothing"), 404) == "undefined_endpoint"
    assert refused(http.put(f"{store}/check", json={}), 404) == "unimplemented"
    assert refused(http.post(f"{store}/check/", json={}), 404) == "undefined_endpoint"


def test_nobody_gets_in_without_a_key_and_a_refusal_reads_no_body(served):
    with httpx2.Client(base_url=served.url, trust_env=False, timeout=30) as stranger:
        for sent, code in (
            ({}, "bearer_token_missing"),
            ({"Authorization": "Basic x"}, "bearer_token_missing"),
            ({"Authorization": "Bearer"}, "bearer_token_missing"),
            ({"Authorization": "Bearer x"}, "unauthenticated"),
            ({"Authorization": f"Bearer {KEY}x"}, "unauthenticated"),
            ({"Authorization": f"Bearer {KEY[:-1]}"}, "unauthenticated"),
        ):
            for path in ("/stores", f"/stores/{UNKNOWN}", f"/stores/{UNKNOWN}/changes"):
                answer = stranger.get(path, headers=sent)
                assert refused(answer, 401) == code
                assert answer.headers["www-authenticate"] == "Bearer"
            answer = stranger.post("/stores", headers=sent, content=b"not even JSON")
            assert refused(answer, 401) == code
        twice = [("Authorization", f"Bearer {KEY}"), ("Authorization", f"Bearer {KEY}")]
        assert refused(stranger.get("/stores", headers=twice), 401) == "bearer_token_missing"


def test_an_answer_carries_what_it_has_seen_and_a_database_behind_it_refuses(http, store):
    written = http.post(f"{store}/write", json={"writes": {"tuple_keys": [QUESTION]}})
    token = written.headers["mandate-consistency-token"]
    question = {"tuple_key": QUESTION}
    fresh = {"Mandate-At-Least-As-Fresh": token}
    answer = http.post(f"{store}/check", json=question, headers=fresh)
    assert answer.json()["allowed"] is True
    assert answer.headers["mandate-consistency-token"] == token
    assert int(answer.headers["fga-query-duration-ms"]) >= 0
    name, _, revision = token.partition(".")
    future = {"Mandate-At-Least-As-Fresh": f"{name}.{int(revision) + 1}"}
    assert refused(http.post(f"{store}/check", json=question, headers=future), 409) == "Aborted"
    assert refused(http.get(store, headers=future), 409) == "Aborted"
    for odd in ("x", f"{UNKNOWN}.1", f"{name}.x", f"{name}.-1", f"{name}.{'9' * 30}"):
        sent = {"Mandate-At-Least-As-Fresh": odd}
        refused(http.post(f"{store}/check", json=question, headers=sent))


def test_a_number_that_no_answer_could_hold_is_refused_wherever_it_stands(http, store):
    huge = 10**30
    body = json.dumps({**MODEL, "unknown": huge}).encode()
    refused(http.post(f"{store}/authorization-models", content=body), 400)
    made = http.post(f"{store}/authorization-models", content=json.dumps(MODEL).encode())
    name = made.json()["authorization_model_id"]
    assertion = {"tuple_key": QUESTION, "expectation": True, "context": {"x": huge}}
    body = json.dumps({"assertions": [assertion]}).encode()
    refused(http.put(f"{store}/assertions/{name}", content=body), 400)
