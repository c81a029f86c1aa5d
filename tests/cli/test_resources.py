"""`mandate resource show` and `update`: a file out, a file in, and what came or went."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Mandate

ADD = (
    "resource", "add", "--id", "https://mail.example", "--name", "Mail",
    "--scope", "mail:read=Read mail", "--scope", "mail:send=Send mail",
    "--includes", "mail:send=mail:read", "--tool", "send_mail mail:send Send a message",
)  # fmt: skip


def test_a_resource_is_printed_changed_in_its_file_and_put_back(desk: Mandate):
    assert desk(*ADD).code == 0
    printed = desk("resource", "show", "https://mail.example", "--json").document
    assert [(s["name"], s["includes"]) for s in printed["scopes"]] == [
        ("mail:read", []), ("mail:send", ["mail:read"]),
    ]  # fmt: skip
    assert printed["tools"] == [
        {"name": "send_mail", "title": "Send a message", "scopes": ["mail:send"]}
    ]
    shown = desk("resource", "show", "https://mail.example").out
    assert "Send a message" in shown
    printed["tools"].append({"name": "list", "title": "List", "scopes": ["mail:read"]})
    printed["scopes"].append({"name": "mail:drop", "description": "Drop", "destructive": True})
    Path("mail.json").write_text(json.dumps(printed))
    changed = desk("resource", "update", "mail.json", "--json").document
    assert changed["changes"] == {"new scopes": "mail:drop", "new tools": "list"}
    assert "No scope" in desk("resource", "update", "mail.json").out
    printed["scopes"] = [s for s in printed["scopes"] if s["name"] != "mail:drop"]
    Path("mail.json").write_text(json.dumps(printed))
    assert "scopes gone" in desk("resource", "update", "mail.json").out
    after = desk("resource", "show", "https://mail.example", "--json").document
    assert [s["name"] for s in after["scopes"]] == ["mail:read", "mail:send"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("resource show https://nobody.example", "resource list"),
        ("resource update nobody.json", "resource add"),
        ("resource update ring.json", "no scope of"),
    ],
)
def test_what_cannot_be_shown_or_changed_is_told(desk: Mandate, arguments: str, hint: str):
    desk(*ADD)
    Path("nobody.json").write_text('{"id": "https://nobody.example", "name": "Nobody"}')
    Path("ring.json").write_text(json.dumps({
        "id": "https://mail.example", "name": "Mail",
        "scopes": [{"name": "mail:read", "description": "Read", "includes": ["mail:all"]}],
    }))  # fmt: skip
    done = desk(*arguments.split())
    assert (done.code, hint in done.complaint) == (1, True), done.complaint
