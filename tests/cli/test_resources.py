"""`mandate resource show` and `update`: a file out, a file in, and what came or went."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from authz.clock import SystemClock
from server.domain.delegation import Detail
from tests.cli.conftest import Mandate
from tests.support.clock import FrozenClock
from tests.support.world import Party, world_at

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


def test_a_scope_for_people_alone_is_given_to_no_agent(desk: Mandate):
    notes, both = "https://notes.example", ("--scope", "notes:read", "--scope", "notes:keys")
    made = desk(
        "resource", "add", "--id", notes, "--name", "Notes", *both,
        "--person-only", "notes:keys", "--json",
    ).document  # fmt: skip
    assert [s["name"] for s in made["scopes"] if s["person_only"]] == ["notes:keys"]
    assert "people's own" in desk("resource", "show", notes).out
    agent = desk("agent", "add", "Quill", *both, "--resource", notes, "--json").document
    client = desk(
        "client", "add", "Quill", "--agent", agent["agent_id"], *both, "--json",
        "--redirect-uri", "https://app.example/cb", "--grant", "authorization_code",
        "--grant", "client_credentials", "--grant", "token-exchange",
    ).document  # fmt: skip

    async def exchanged(scope: str) -> dict[str, Any]:
        url, clock = os.environ["MANDATE_DATABASE_URL"], FrozenClock(SystemClock().now())
        async with world_at(url, clock) as w:
            core = w.core
            quill = await core.store.read(lambda tx: core.rows.clients.get(tx, client["client_id"]))
            its = await core.store.read(lambda tx: core.rows.agents.get(tx, agent["agent_id"]))
            assert quill is not None
            party = Party(quill, client["client_secret"], its)
            # A consent from before the scope was set apart: not even that brings it back.
            ada = await w.user(f"ada.{scope.partition(':')[2]}")
            session = await w.session(ada)
            given = Detail(resource=notes, scopes=frozenset({"notes:read", "notes:keys"}))
            grant = await w.delegation(ada, party, (given,), sid=session.id)
            words = "notes:read notes:keys"
            code = await w.code(party, ada, grant=grant, scope=words, session=session)
            subject = (await w.redeem(party, code)).json()["access_token"]
            return dict((await w.exchange(party, subject, resource=notes, scope=scope)).json())

    assert asyncio.run(exchanged("notes:read"))["scope"] == "notes:read"
    assert asyncio.run(exchanged("notes:keys"))["reason"] == "nothing_left"
