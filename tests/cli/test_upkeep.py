"""`keys`, `audit`, `backup`, `restore` and `doctor`."""

import base64
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Mandate
from tests.support.databases import sqlite_path
from tests.support.world import TEST_KEK


def _keys(mandate: Mandate, alg: str = "ES256") -> dict[str, str]:
    keys = mandate("keys", "list", "--json").document["keys"]
    return {key["status"]: key["kid"] for key in keys if key["alg"] == alg}


def test_keys_rotate_with_an_overlap(mandate: Mandate):
    before = _keys(mandate)
    assert mandate("keys", "rotate", "--json").code == 0
    after = _keys(mandate)
    assert (after["active"], after["retired"]) == (before["next"], before["active"])
    early = mandate("keys", "rotate")
    assert (early.code, "--now" in early.complaint) == (1, True)
    assert _keys(mandate) == after
    assert mandate("keys", "rotate", "--now", "--json").code == 0
    assert _keys(mandate)["active"] == after["next"]


def test_a_stolen_key_is_followed_by_the_announced_one(mandate: Mandate):
    before = _keys(mandate, "EdDSA")
    changed = mandate("keys", "revoke", before["active"], "--yes", "--json").document["changed"]
    assert {(key["kid"], key["status"]) for key in changed} >= {
        (before["active"], "revoked"), (before["next"], "active"),
    }  # fmt: skip
    assert mandate("keys", "revoke", before["active"], "--yes").code == 1


def test_a_new_key_encryption_key_takes_over(mandate: Mandate, monkeypatch):
    fresh = base64.urlsafe_b64encode(b"a new key-encryption key, 32 by.").decode().rstrip("=")
    monkeypatch.setenv("MANDATE_KEK", f"{fresh} {TEST_KEK}")
    resealed = mandate("keys", "reseal", "--json").document
    assert (len(resealed["resealed"]), resealed["server_secret"]) == (6, True)
    assert mandate("keys", "reseal").out == "Nothing to do.\n"
    monkeypatch.setenv("MANDATE_KEK", fresh)
    assert mandate("client", "list").code == 0
    monkeypatch.setenv("MANDATE_KEK", TEST_KEK)
    assert mandate("client", "list").code == 1


def test_the_trail_names_what_was_done_and_verifies(mandate: Mandate):
    agent = mandate("agent", "add", "Quill", "--json").document["agent_id"]
    mandate("agent", "suspend", agent)
    user = mandate("user", "add", "ann@example.test", "--json").document["user_id"]
    events = mandate("audit", "tail", "--json").document["events"]
    assert [event["tag"] for event in events] == ["agent:changed", "agent:changed", "user:changed"]
    assert events[0]["detail"] == {"by": "operator"}
    mine = mandate("audit", "tail", "--user", "ann@example.test", "--json").document["events"]
    assert [event["user_id"] for event in mine] == [user]
    its = mandate("audit", "tail", "--agent", agent, "--limit", "1", "--json").document["events"]
    assert [event["reason"] for event in its] == ["suspended"]
    assert "agents=" + agent in mandate("audit", "tail").out
    assert "ann@example.test" not in mandate("audit", "tail").out

    assert mandate("audit", "seal", "--json").document == {"sealed": 3, "unsealed": 0}
    report = mandate("audit", "verify", "--json").document
    assert (report["ok"], report["sealed"], report["unsealed"]) == (True, 3, 0)
    Path("head").write_text(report["head"])
    assert mandate("audit", "verify", "--head", "head").code == 0


def test_an_export_is_checked_without_the_database(desk: Mandate, monkeypatch):
    desk("agent", "add", "Quill")
    desk("agent", "add", "Sift")
    desk("audit", "seal")
    assert desk("audit", "export", "trail.jsonl", "--json").document["rows"] == 2
    assert Path("trail.jsonl").stat().st_mode & 0o777 == 0o600
    assert desk("audit", "export", "trail.jsonl").code == 1
    keys = desk("audit", "verify", "--export", "trail.jsonl", "--json").document
    assert keys["ok"]
    # The first line tells when it was made.
    printed = desk("audit", "export", "-").out.splitlines()[1:]
    assert printed == Path("trail.jsonl").read_text().splitlines()[1:]

    jwks = _published(desk)
    Path("keys.json").write_text(json.dumps(jwks))
    for name in list(os.environ):
        if name.startswith("MANDATE_"):
            monkeypatch.delenv(name)
    checked = ("audit", "verify", "--export", "trail.jsonl", "--keys", "keys.json")
    assert desk(*checked).code == 0
    lines = Path("trail.jsonl").read_text().splitlines(keepends=True)
    Path("trail.jsonl").write_text("".join([*lines[:2], *lines[3:]]))
    done = desk(*checked, "--json")
    report = json.loads(done.out)
    assert (done.code, report["ok"], report["first_bad_seq"]) == (1, False, 2)


def _published(desk: Mandate) -> dict[str, object]:
    path = sqlite_path(os.environ["MANDATE_DATABASE_URL"])
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT kid, alg, public_jwk FROM signing_key").fetchall()
    return {
        "keys": [json.loads(jwk) | {"kid": kid, "alg": alg, "use": "sig"} for kid, alg, jwk in rows]
    }


def test_a_row_that_was_edited_is_named(desk: Mandate):
    for name in ("A", "B", "C"):
        desk("agent", "add", name)
    desk("audit", "seal")
    path = sqlite_path(os.environ["MANDATE_DATABASE_URL"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE audit SET client_id = 'cli_x' WHERE seal_seq = 2")
    done = desk("audit", "verify")
    assert done.code == 1
    assert done.complaint == "mandate: event 2 of the trail: the row is not what was sealed\n"
    assert json.loads(desk("audit", "verify", "--json").out)["first_bad_seq"] == 2


def test_a_backup_brings_back_what_was(desk: Mandate):
    desk("client", "add", "A", "--id", "before")
    made = desk("backup", "copy.db", "--json").document
    assert made["bytes"] == Path("copy.db").stat().st_size
    assert Path("copy.db").stat().st_mode & 0o777 == 0o600
    desk("client", "add", "B", "--id", "after")
    refused = desk("restore", "copy.db")
    assert (refused.code, "--force" in refused.complaint) == (1, True)
    restored = desk("restore", "copy.db", "--force", "--json").document
    assert restored["lacks_migrations"] == []
    clients = desk("client", "list", "--json").document["clients"]
    assert [client["client_id"] for client in clients] == ["before"]


def test_the_doctor_says_what_to_do(mandate: Mandate):
    done = mandate("doctor", "--json")
    report = json.loads(done.out)
    bad = {check["name"]: check["next"] for check in report["checks"] if not check["ok"]}
    # Nobody serves, and the keys were made in the past of the tests.
    assert set(bad) <= {"issuer", "signing keys"}
    assert "mandate serve" in bad["issuer"]
    assert (done.code, report["ok"]) == (1, False)
    assert "next: " in mandate("doctor").out
