"""Lists that are longer than one answer: a stream has all of it, and a cut is said."""

import json

import httpx2

from tests.authz_api.test_hostile import MODEL

COUNT = 1100


def test_a_stream_goes_on_behind_the_limit_of_one_list(http: httpx2.Client):
    store = f"/stores/{http.post('/stores', json={'name': 'long lists'}).json()['id']}"
    http.post(f"{store}/authorization-models", json=MODEL).raise_for_status()
    names = [f"document:{n:04}" for n in range(COUNT)]
    for start in range(0, COUNT, 100):
        keys = [
            {"user": "user:anne", "relation": "owner", "object": name}
            for name in names[start : start + 100]
        ]
        written = http.post(f"{store}/write", json={"writes": {"tuple_keys": keys}})
        written.raise_for_status()
    asked = {"type": "document", "relation": "reader", "user": "user:anne"}
    listed = http.post(f"{store}/list-objects", json=asked)
    assert listed.json()["objects"] == names[:1000]
    assert listed.headers["mandate-truncated"] == "true"
    streamed = http.post(f"{store}/streamed-list-objects", json=asked)
    lines = [json.loads(line) for line in streamed.text.splitlines()]
    assert [line["result"]["object"] for line in lines] == names
    token = written.headers["mandate-consistency-token"]
    assert streamed.headers["mandate-consistency-token"] == token
    few = http.post(f"{store}/list-objects", json={**asked, "user": "user:bob"})
    assert few.json() == {"objects": []}
    assert "mandate-truncated" not in few.headers
