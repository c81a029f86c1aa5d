"""`mandate approval list`, on both engines."""

import asyncio
import os

from server.app import assemble
from server.delegation.approvals import ask
from server.domain.approvals import ApprovalKind, Asked
from server.domain.delegation import Detail
from tests.cli.conftest import Mandate
from tests.support.world import DOCS, settings_for


def _put(user: str, agent: str) -> None:
    asked = Asked(
        kind=ApprovalKind.CALL,
        user_id=user,
        agents=(agent,),
        client_id="cli_a",
        grant_id="dlg_a",
        details=(
            Detail(resource=DOCS, scopes=frozenset({"docs:delete"}), objects=("document:1",)),
        ),
        relation="editor",
        tool="erase",
        arguments_hash="a" * 43,
        summary="Something private",
        lasts=600,
    )

    async def work() -> None:
        server = await assemble(settings_for(os.environ["MANDATE_DATABASE_URL"]))
        core = server.services.core
        now, new_id = core.clock.now(), core.entropy.id("apv")
        await core.store.write(
            lambda tx: ask(core, tx, asked, new_id=new_id, now=now, asked_since=0)
        )
        await server.close()

    asyncio.run(work())


def test_what_was_asked_is_listed_without_the_words_of_the_asker(mandate: Mandate):
    user = mandate("user", "add", "ann@example.test", "--json").document["user_id"]
    agent = mandate("agent", "add", "Quill", "--json").document["agent_id"]
    assert mandate("approval", "list").out.strip() == "No approvals."
    _put(user, agent)
    [row] = mandate("approval", "list", "--pending", "--json").document["approvals"]
    assert (row["status"], row["user_id"], row["agents"]) == ("pending", user, [agent])
    assert (row["tool"], row["details"][0]["objects"]) == ("erase", ["document:1"])
    assert "summary" not in row
    table = mandate("approval", "list").out
    assert "ann@example.test" in table
    assert "Quill" in table
    assert "Something private" not in table
