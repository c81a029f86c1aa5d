"""Two processes on one database: what one acknowledged the other knows, and a token proves it."""

import httpx2

ROUNDS = 100
MODEL = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        {
            "type": "group",
            "relations": {"member": {"this": {}}},
            "metadata": {"relations": {"member": {"directly_related_user_types": [{"type": "user"}]}}},
        },
        {
            "type": "document",
            "relations": {"viewer": {"this": {}}},
            "metadata": {
                "relations": {
                    "viewer": {
                        "directly_related_user_types": [
                            {"type": "user"}, {"type": "group", "relation": "member"},
                        ]
                    }
                }
            },
        },
    ],
}  # fmt: skip


def sent(answer: httpx2.Response) -> httpx2.Response:
    assert answer.status_code in {200, 201}, answer.text
    return answer


def test_what_one_process_acknowledged_the_other_knows_at_once(pair):
    one, two = pair
    store = sent(one.post("/stores", json={"name": "shared"})).json()["id"]
    sent(one.post(f"/stores/{store}/authorization-models", json=MODEL))
    member = {"user": "user:ada", "relation": "member", "object": "group:eng"}
    through = {"user": "group:eng#member", "relation": "viewer", "object": "document:1"}
    sent(one.post(f"/stores/{store}/write", json={"writes": {"tuple_keys": [through]}}))
    question = {"tuple_key": {"user": "user:ada", "relation": "viewer", "object": "document:1"}}
    for number in range(ROUNDS):
        writer, reader = (one, two) if number % 2 else (two, one)
        # What one process wrote the other takes back.
        change = "deletes" if number % 2 else "writes"
        written = sent(
            writer.post(f"/stores/{store}/write", json={change: {"tuple_keys": [member]}})
        )
        token = written.headers["mandate-consistency-token"]
        for client in (reader, writer):
            asked = sent(
                client.post(
                    f"/stores/{store}/check",
                    json=question,
                    headers={"Mandate-At-Least-As-Fresh": token},
                )
            )
            assert asked.json()["allowed"] is (change == "writes"), (number, change)
            assert asked.headers["mandate-consistency-token"] == token
        listed = sent(
            reader.post(
                f"/stores/{store}/list-objects",
                json={"user": "user:ada", "relation": "viewer", "type": "document"},
            )
        )
        assert listed.json()["objects"] == (["document:1"] if change == "writes" else [])
    # A token of more than there is belongs to another database: nothing is decided.
    name, _, revision = token.rpartition(".")
    ahead = {"Mandate-At-Least-As-Fresh": f"{name}.{int(revision) + 1}"}
    assert two.post(f"/stores/{store}/check", json=question, headers=ahead).status_code == 409
