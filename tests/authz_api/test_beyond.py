"""What the API offers beyond OpenFGA's: deletions by selection, upserts, pages, explanations."""

from typing import Any

import httpx2
import pytest

from tests.authz_api.test_hostile import MODEL, refused
from tests.requirements import requirement

ANNE = {"user": "user:anne", "relation": "viewer", "object": "document:1"}


@pytest.fixture
def store(http: httpx2.Client) -> str:
    path = f"/stores/{http.post('/stores', json={'name': 'beyond'}).json()['id']}"
    http.post(f"{path}/authorization-models", json=MODEL).raise_for_status()
    return path


def owned(user: str, count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"user": user, "relation": "owner", "object": f"document:{n:04}"}
        for n in range(start, start + count)
    ]


def write(http: httpx2.Client, store: str, keys: list[dict[str, Any]], **more: Any) -> str:
    """Write tuples and return the consistency token of the last answer."""
    token = ""
    for start in range(0, len(keys), 100):
        part = {"tuple_keys": keys[start : start + 100], **more}
        answer = http.post(f"{store}/write", json={"writes": part})
        answer.raise_for_status()
        token = answer.headers["mandate-consistency-token"]
    return token


def revision(answer: httpx2.Response) -> int:
    return int(answer.headers["mandate-consistency-token"].rpartition(".")[2])


def keys_of(http: httpx2.Client, store: str, **key: str) -> list[str]:
    """Read page by page what a selection holds, all of the store without one."""
    found: list[str] = []
    token = ""
    while True:
        body = {"page_size": 100, "continuation_token": token}
        page = http.post(f"{store}/read", json=body | ({"tuple_key": key} if key else {})).json()
        found += ["{object}#{relation}@{user}".format(**one["key"]) for one in page["tuples"]]
        token = page["continuation_token"]
        if not token:
            return found


def changes_of(http: httpx2.Client, store: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        query = {"page_size": "100", "continuation_token": token}
        page = http.get(f"{store}/changes", params=query).json()
        if not page["changes"]:
            return found
        found += page["changes"]
        token = page["continuation_token"]


def replayed(changes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the tuples that a changelog leaves, with their conditions; it must make sense."""
    stored: dict[str, Any] = {}
    for change in changes:
        key = change["tuple_key"]
        name = "{object}#{relation}@{user}".format(**key)
        if change["operation"] == "TUPLE_OPERATION_DELETE":
            del stored[name]
        else:
            assert name not in stored
            stored[name] = key["condition"]
    return stored


@requirement("mandate:api:deletion-by-selection")
def test_read_and_delete_take_a_user_alone(http, store):
    write(http, store, [*owned("user:anne", 3), *owned("user:bob", 2)])
    assert len(keys_of(http, store, user="user:anne")) == 3
    body: dict[str, Any] = {"tuple_key": {"user": "user:anne"}, "dry_run": True}
    dry = http.post(f"{store}/delete-matching", json=body)
    assert dry.json() == {"matched": 3, "deleted": 0, "truncated": False}
    assert len(keys_of(http, store)) == 5
    done = http.post(f"{store}/delete-matching", json={"tuple_key": {"user": "user:anne"}})
    assert done.json() == {"matched": 3, "deleted": 3, "truncated": False}
    assert revision(done) == revision(dry) + 1
    assert keys_of(http, store) == list(replayed(changes_of(http, store)))
    assert keys_of(http, store, user="user:anne") == []
    again = http.post(f"{store}/delete-matching", json={"tuple_key": {"user": "user:anne"}})
    assert again.json() == {"matched": 0, "deleted": 0, "truncated": False}
    # Nothing was changed, so nothing moved.
    assert revision(again) == revision(done)


def test_a_deletion_takes_a_thousand_at_a_time_and_says_so(http, store):
    write(http, store, [*owned("user:anne", 1003), *owned("user:bob", 1)])
    selected = {"tuple_key": {"user": "user:anne", "relation": "owner", "object": "document:"}}
    first = http.post(f"{store}/delete-matching", json=selected).json()
    assert first == {"matched": 1000, "deleted": 1000, "truncated": True}
    rest = http.post(f"{store}/delete-matching", json=selected).json()
    assert rest == {"matched": 3, "deleted": 3, "truncated": False}
    assert keys_of(http, store) == ["document:0000#owner@user:bob"]
    assert list(replayed(changes_of(http, store))) == keys_of(http, store)


@requirement("mandate:api:deletion-by-selection")
@pytest.mark.parametrize(
    "key",
    [None, {}, {"object": "document:"}, {"relation": "owner"}, {"user": "anne"}, {"user": "user:"},
     {"object": "document"}, {"object": "document:", "relation": "owner"},
     {"user": "user:anne", "object": "document"}, {"user": "' or 1=1 --"},
     {"user": "user:%", "object": "docu%:"}],
)  # fmt: skip
def test_a_selection_of_everything_or_of_nothing_deletes_nothing(http, store, key):
    write(http, store, owned("user:anne", 2))
    answer = http.post(f"{store}/delete-matching", json={"tuple_key": key})
    if answer.status_code == 200:
        assert answer.json()["deleted"] == 0
    else:
        refused(answer)
    assert len(keys_of(http, store)) == 2


def test_a_write_replaces_a_condition_and_the_changelog_has_both_steps(http, store):
    conditioned = {**ANNE, "condition": {"name": "small", "context": {"x": 1}}}
    write(http, store, [conditioned])
    other = {**ANNE, "condition": {"name": "small", "context": {"x": 6}}}
    answer = http.post(
        f"{store}/write", json={"writes": {"tuple_keys": [other], "on_duplicate": "ignore"}}
    )
    assert refused(answer, 409) == "Aborted"
    write(http, store, [other], on_duplicate="replace")
    stored = http.post(f"{store}/read", json={"tuple_key": ANNE}).json()["tuples"]
    assert [one["key"]["condition"] for one in stored] == [other["condition"]]
    steps = [change["operation"].rpartition("_")[2] for change in changes_of(http, store)]
    assert steps == ["WRITE", "DELETE", "WRITE"]
    write(http, store, [other], on_duplicate="replace")
    assert len(changes_of(http, store)) == 3
    wrong = {"deletes": {"tuple_keys": [ANNE], "on_missing": "replace"}}
    refused(http.post(f"{store}/write", json=wrong))


@requirement("mandate:api:incomplete-is-told")
def test_lists_are_read_by_pages_that_are_bound_to_their_question(http, store):
    write(http, store, owned("user:anne", 25))
    asked = {"type": "document", "relation": "owner", "user": "user:anne", "page_size": 10}
    found, token, ends = [], "", []
    while True:
        sent = {**asked, "continuation_token": token}
        page = http.post(f"{store}/list-objects", json=sent).json()
        found += page["objects"]
        ends.append(page["truncated"])
        token = page["continuation_token"]
        if not token:
            break
        for other in ({"user": "user:bob"}, {"relation": "viewer"}, {"context": {"x": 1}}):
            wrong = {**asked, **other, "continuation_token": token}
            code = refused(http.post(f"{store}/list-objects", json=wrong))
            assert code == "invalid_continuation_token"
    assert found == [key["object"] for key in owned("user:anne", 25)]
    assert ends == [True, True, False]
    refused(http.post(f"{store}/list-objects", json={**asked, "page_size": 1001}))


def test_users_are_read_by_pages(http, store):
    keys = [{"user": f"user:{n:02}", "relation": "owner", "object": "document:1"} for n in range(7)]
    write(http, store, keys)
    asked: dict[str, Any] = {
        "object": {"type": "document", "id": "1"},
        "relation": "owner",
        "user_filters": [{"type": "user"}],
        "page_size": 3,
    }
    found, token, pages = [], "", 0
    while token or not pages:
        sent = {**asked, "continuation_token": token}
        page = http.post(f"{store}/list-users", json=sent).json()
        found += [user["object"]["id"] for user in page["users"]]
        token, pages = page["continuation_token"], pages + 1
    assert (found, pages) == ([f"{n:02}" for n in range(7)], 3)
    plain = {name: value for name, value in asked.items() if name != "page_size"}
    assert set(http.post(f"{store}/list-users", json=plain).json()) == {"users"}


def test_a_thousand_tuples_of_the_request_count(http, store):
    own = {"tuple_keys": owned("user:anne", 1000)}
    asked = {"tuple_key": {**ANNE, "relation": "owner", "object": "document:0999"}}
    assert http.post(f"{store}/check", json=asked).json()["allowed"] is False
    checked = http.post(f"{store}/check", json={**asked, "contextual_tuples": own})
    assert checked.json()["allowed"] is True
    listing = {"type": "document", "relation": "owner", "user": "user:anne"}
    listed = http.post(f"{store}/list-objects", json={**listing, "contextual_tuples": own})
    assert len(listed.json()["objects"]) == 1000
    assert keys_of(http, store) == []


def test_an_explanation_has_the_proof_or_what_is_nearest(http, store):
    owner = {**ANNE, "relation": "owner"}
    token = write(http, store, [owner])
    yes = http.post(f"{store}/explain", json={"tuple_key": owner})
    assert yes.headers["mandate-consistency-token"] == token
    assert yes.json()["verdict"] == "allowed"
    assert yes.json()["tree"]["steps"][0]["tuple"] == owner
    no = {**owner, "user": "user:bob"}
    denied = http.post(f"{store}/explain", json={"tuple_key": no}).json()
    assert (denied["verdict"], denied["nearest"]) == ("denied", no)
    own = {"tuple_key": no, "contextual_tuples": {"tuple_keys": [no]}}
    assert http.post(f"{store}/explain", json=own).json()["verdict"] == "allowed"
    refused(http.post(f"{store}/explain", json={"tuple_key": {**owner, "relation": "fly"}}))


def test_who_reaches_an_object_and_what_a_write_would_change(http, store):
    owner = {**ANNE, "relation": "owner"}
    write(http, store, [owner])
    asked = {"object": "document:1", "relation": "owner"}
    found = http.post(f"{store}/reach", json=asked).json()
    assert [one["user"] for one in found["users"]] == ["user:anne"]
    assert found["truncated"] is False
    bob = {**owner, "user": "user:bob"}
    write(http, store, [bob])
    cut = http.post(f"{store}/reach", json={**asked, "page_size": 1})
    assert (len(cut.json()["users"]), cut.headers["mandate-truncated"]) == (1, "true")
    carl = {**owner, "user": "user:carl"}
    asked_of = [{"tuple_key": key} for key in (owner, bob, carl)]
    change = {"writes": {"tuple_keys": [carl]}, "deletes": {"tuple_keys": [bob]}}
    would = http.post(f"{store}/what-if", json={**change, "checks": asked_of}).json()
    assert [(one["user"], one["before"], one["after"]) for one in would["changed"]] == [
        ("user:bob", "allowed", "denied"),
        ("user:carl", "denied", "allowed"),
    ]
    assert len(keys_of(http, store)) == 2
    again = {"writes": {"tuple_keys": [bob]}, "checks": asked_of}
    assert refused(http.post(f"{store}/what-if", json=again)) == "write_failed_due_to_invalid_input"
    refused(http.post(f"{store}/what-if", json={"checks": asked_of}))


@pytest.mark.parametrize("call", ["delete-matching", "explain", "reach", "what-if"])
def test_the_calls_of_our_own_take_a_token_and_need_a_key(http, store, served, call):
    name = store.rpartition("/")[2]
    future = {"Mandate-At-Least-As-Fresh": f"{name}.999"}
    bodies: dict[str, Any] = {
        "delete-matching": {"tuple_key": {"user": "user:anne"}},
        "explain": {"tuple_key": ANNE},
        "reach": {"object": "document:1", "relation": "viewer"},
        "what-if": {"writes": {"tuple_keys": [ANNE]}},
    }
    answer = http.post(f"{store}/{call}", json=bodies[call], headers=future)
    assert refused(answer, 409) == "Aborted"
    with httpx2.Client(base_url=served.url, trust_env=False) as stranger:
        refused(stranger.post(f"{store}/{call}", json=bodies[call]), 401)
