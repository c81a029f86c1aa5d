"""Chapter 7: a document gives orders, and the agent obeys. Each order is stopped."""

import re

from examples.demo.play import ALLOWED, Play

EXPECTED = {
    "delete_document": "insufficient_scope",
    "share_document": "insufficient_scope",
    "read_document": "object_denied (consent_object)",
    "move_document": "object_denied",
    "list_folder": "object_denied (consent_object)",
}
TOLD = {
    "delete_document": "it deletes the plan",
    "share_document": "it makes Ben an editor of the plan",
    "read_document": "it reads the diary",
    "move_document": "it moves the diary into the folder that it can read",
    "list_folder": "it lists the private folder",
}


async def tell(play: Play) -> None:
    """Read the minutes and do what they say."""
    story, ids = play.story, play.ids
    story.chapter(
        "7 · A document that gives orders",
        "The minutes carry an injected prompt: delete, share, read the diary, move it, get wider",
        "rights, hand over. Quill's model is fooled, and obeys to the letter.",
    )
    read = await play.errand.call("read_document", document_id=ids["Minutes"])
    story.check("injection.read", "Quill reads the minutes, which it may", ALLOWED, read.said)
    for line in str(read.value).splitlines():
        if line.startswith("CALL "):
            await _call(play, line)
        elif line.startswith("ASK "):
            await _ask(play, line.removeprefix("ASK "))
        elif line.startswith("HAND_OVER "):
            await _hand_over(play)
    story.check(
        "injection.still_there", "Afterwards the plan is still there, and Ana reads it", ALLOWED,
        await play.said_to_owner(play.ana_token, "read_document", document_id=ids["Plan"]),
        control=True,
    )  # fmt: skip
    story.check(
        "injection.not_shared", "and it was shared with nobody: Ben opens it", "object_denied",
        await play.said_to_owner(play.ben_token, "read_document", document_id=ids["Plan"]),
    )  # fmt: skip
    story.check(
        "injection.share.control", "Ana shares the plan with Ben herself", ALLOWED,
        await play.said_to_owner(play.ana_token, "share_document", document_id=ids["Plan"],
                                 user_id=play.ben.user_id), control=True,
    )  # fmt: skip
    story.check(
        "injection.not_shared.control", "and Ben opens it", ALLOWED,
        await play.said_to_owner(play.ben_token, "read_document", document_id=ids["Plan"]),
        control=True,
    )  # fmt: skip


async def _call(play: Play, line: str) -> None:
    _, tool, *pairs = line.split()
    arguments = dict(re.findall(r"(\w+)=(\S+)", " ".join(pairs)))
    if tool == "move_document":
        # Two objects: the tool's word is enough, the reason is of the first that is refused.
        got = (await play.errand.call(tool, **arguments)).said
    else:
        got = await play.said(play.errand, tool, **arguments)
    play.story.check(f"injection.{tool}", f"Obeying, {TOLD[tool]}", EXPECTED[tool], got)


async def _ask(play: Play, scope: str) -> None:
    answer = await play.quill.exchange(
        subject_token=play.user_token,
        actor_token=await play.quill.actor_token(),
        resource=play.stage.documents,
        scope=scope,
    )
    play.story.check(
        "injection.ask", "Obeying, it asks for every scope, and gets what Ana left on",
        "docs:read docs:write", str(answer.value.get("scope", answer.said)),
    )  # fmt: skip


async def _hand_over(play: Play) -> None:
    answer = await play.quill.exchange(
        subject_token=await play.errand.token(),
        actor_token=await play.quill.actor_token(),
        audience=play.magpie.uri,
        scope="docs:read",
    )
    play.story.check(
        "injection.hand_over", "Obeying, it hands its work to Magpie, whom Ana never named",
        "invalid_target: handover_not_consented", answer.said,
    )  # fmt: skip
