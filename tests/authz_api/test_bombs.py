"""Work that would grow without end, and ids that mean something elsewhere, sent to a real server."""

import sys
import unicodedata
from typing import Any

import httpx2
import pytest

from tests.authz_api.test_beyond import changes_of, keys_of, write
from tests.authz_api.test_hostile import refused
from tests.requirements import requirement

_LOOPS = "l.all(a, l.all(b, l.all(c, l.all(d, a + b + c + d >= 0))))"
_SELF = [{"type": "user"}, {"type": "group", "relation": "member"}]
MODEL: dict[str, Any] = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        {
            "type": "group",
            "relations": {"member": {"this": {}}},
            "metadata": {"relations": {"member": {"directly_related_user_types": _SELF}}},
        },
        {
            "type": "document",
            "relations": {"viewer": {"this": {}}},
            "metadata": {
                "relations": {
                    "viewer": {
                        "directly_related_user_types": [
                            {"type": "user"},
                            {"type": "user", "condition": "loops"},
                            {"type": "group", "relation": "member"},
                        ]
                    }
                }
            },
        },
    ],
    "conditions": {
        "loops": {
            "name": "loops",
            "expression": _LOOPS,
            "parameters": {
                "l": {"type_name": "TYPE_NAME_LIST", "generic_types": [{"type_name": "TYPE_NAME_INT"}]}
            },
        }
    },
}  # fmt: skip


@pytest.fixture
def store(http: httpx2.Client) -> str:
    path = f"/stores/{http.post('/stores', json={'name': 'bombs'}).json()['id']}"
    http.post(f"{path}/authorization-models", json=MODEL).raise_for_status()
    return path


def key(user: str, relation: str, object_: str) -> dict[str, Any]:
    return {"user": user, "relation": relation, "object": object_}


@requirement("mandate:api:hostile")
def test_loops_of_a_condition_end_and_allow_nothing(http, store):
    asked = key("user:anne", "viewer", "document:1")
    write(http, store, [{**asked, "condition": {"name": "loops"}}])
    body = {"tuple_key": asked, "context": {"l": [*range(200)]}}
    refused(http.post(f"{store}/check", json=body))
    assert http.post(f"{store}/explain", json=body).json()["verdict"] == "error"
    reach = {"object": "document:1", "relation": "viewer", "context": body["context"]}
    found = http.post(f"{store}/reach", json=reach).json()
    assert (found["users"], [one["user"] for one in found["unclear"]]) == ([], ["user:anne"])
    listing = {"type": "document", "relation": "viewer", "user": "user:anne"}
    refused(http.post(f"{store}/list-objects", json={**listing, "context": body["context"]}))


@requirement("mandate:api:hostile")
def test_a_ring_and_a_long_chain_of_groups_end(http, store):
    ring = [key(f"group:{(n + 1) % 1000}#member", "member", f"group:{n}") for n in range(1000)]
    own = {"contextual_tuples": {"tuple_keys": ring}}
    asked = {"tuple_key": key("user:anne", "member", "group:0"), **own}
    # A chain of more hops than a check takes is an error in OpenFGA too: no answer, no yes.
    code = refused(http.post(f"{store}/check", json=asked))
    assert code == "authorization_model_resolution_too_complex"
    assert http.post(f"{store}/explain", json=asked).json()["verdict"] == "error"
    short = [key(f"group:{(n + 1) % 5}#member", "member", f"group:{n}") for n in range(5)]
    write(http, store, short)
    asked = {"tuple_key": key("user:anne", "member", "group:0")}
    assert http.post(f"{store}/check", json=asked).json() == {"allowed": False, "resolution": ""}
    assert http.post(f"{store}/explain", json=asked).json()["verdict"] == "denied"
    found = http.post(f"{store}/reach", json={"object": "group:0", "relation": "member"})
    assert [one["user"] for one in found.json()["users"] if one["user"].startswith("user:")] == []


@requirement("mandate:api:hostile")
def test_a_context_that_is_too_large_is_refused_by_every_call(http, store):
    large = {"l": [*range(10_000)]}
    asked = {"tuple_key": key("user:anne", "viewer", "document:1"), "context": large}
    for call in ("check", "explain"):
        refused(http.post(f"{store}/{call}", json=asked))
    reach = {"object": "document:1", "relation": "viewer", "context": large}
    refused(http.post(f"{store}/reach", json=reach))
    conditioned = {**asked["tuple_key"], "condition": {"name": "loops", "context": large}}
    for on_duplicate in ("error", "replace"):
        writes = {"tuple_keys": [conditioned], "on_duplicate": on_duplicate}
        refused(http.post(f"{store}/write", json={"writes": writes}))
    refused(http.post(f"{store}/what-if", json={"writes": {"tuple_keys": [conditioned]}}))
    assert changes_of(http, store) == []


def _of_every_class() -> dict[str, str]:
    """Return the first and the last character of each Unicode category that has any."""
    found: dict[str, list[str]] = {}
    for code in range(1, sys.maxunicode + 1):
        found.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    return {f"{kind}-{end}": chars[-end] for kind, chars in found.items() for end in (0, 1)}


@requirement("mandate:api:hostile")
def test_a_character_of_any_class_in_an_id_is_itself_or_refused(http, store):
    for name, char in _of_every_class().items():
        exact = key(f"user:a{char}b", "viewer", f"document:a{char}b")
        body = {"writes": {"tuple_keys": [exact]}}
        if name.startswith("Cs"):
            # No UTF-8 has half a surrogate pair; JSON can spell it.
            half = r'{"writes":{"tuple_keys":[{"user":"user:\ud800","relation":"viewer","object":"document:1"}]}}'
            refused(http.post(f"{store}/write", content=half.encode()))
            continue
        answer = http.post(f"{store}/write", json=body)
        if answer.status_code != 200:
            refused(answer)
            assert keys_of(http, store) == [], name
            continue
        assert http.post(f"{store}/check", json={"tuple_key": exact}).json()["allowed"], name
        other = {**exact, "user": "user:ab"}
        assert not http.post(f"{store}/check", json={"tuple_key": other}).json()["allowed"], name
        done = http.post(f"{store}/delete-matching", json={"tuple_key": {"user": exact["user"]}})
        assert done.json()["deleted"] == 1, name
    assert keys_of(http, store) == []


ALIKE = ("user:é", "user:e\u0301", "user:E\u0301", "user:É", "user:e", "user:%", "user:_", "user:*x",
         "user:'--", 'user:";', "user:\\", "user:$1", "user:{x}", "user:e\u200b", "user:\uff45")  # fmt: skip


@requirement("mandate:api:hostile")
def test_ids_that_look_alike_or_mean_something_in_sql_are_each_their_own(http, store):
    write(http, store, [key(user, "viewer", "document:1") for user in ALIKE])
    left = list(ALIKE)
    while left:
        user = left.pop()
        done = http.post(f"{store}/delete-matching", json={"tuple_key": {"user": user}})
        assert done.json() == {"matched": 1, "deleted": 1, "truncated": False}, user
        assert sorted(keys_of(http, store)) == sorted(f"document:1#viewer@{one}" for one in left)
