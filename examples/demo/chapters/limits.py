"""Chapter 5: what Quill may not do, and beside each refusal what differs in one thing and may."""

from examples.demo.play import ALLOWED, Play
from examples.demo.tools import call_with_token


async def tell(play: Play) -> None:
    """Refuse, and show by a control why."""
    story, stage, ids = play.story, play.stage, play.ids
    story.chapter(
        "5 · Where it stops",
        "Each refusal has a control that differs in one thing, and succeeds.",
    )
    # The scope: Ana left deleting off.
    story.check(
        "limits.delete", "Quill deletes the summary for Ana",
        "insufficient_scope", await play.said(play.errand, "delete_document",
                                              document_id=ids["Summary"]),
    )  # fmt: skip
    wider = play.quill.acting(play.user_token, stage.documents, "docs:delete")
    story.check(
        "limits.step_up", "Quill asks Mandate for a token with docs:delete",
        "invalid_scope: nothing_left",
        await play.said(wider, "delete_document", document_id=ids["Summary"]),
    )  # fmt: skip
    story.check(
        "limits.delete.control", "Ana deletes the same summary herself", ALLOWED,
        await play.said_to_owner(play.ana_token, "delete_document", document_id=ids["Summary"]),
        control=True,
    )  # fmt: skip
    # The consent: Ana picked the other folder.
    story.check(
        "limits.folder", "Quill reads the diary, in the folder that Ana did not pick",
        "object_denied (consent_object)",
        await play.said(play.errand, "read_document", document_id=ids["Diary"]),
    )  # fmt: skip
    story.check(
        "limits.folder.control", "Ana reads the same diary herself", ALLOWED,
        await play.said_to_owner(play.ana_token, "read_document", document_id=ids["Diary"]),
        control=True,
    )  # fmt: skip
    story.check(
        "limits.folder.control_folder", "Quill reads the budget, in the folder that she picked",
        ALLOWED, await play.said(play.errand, "read_document", document_id=ids["Budget"]),
        control=True,
    )  # fmt: skip
    # The relation: an agent can do no more than its user.
    story.check(
        "limits.relation", "Quill reads Ben's beds for Ana, who may not",
        "object_denied (user_relation)",
        await play.said(play.errand, "read_document", document_id=ids["Beds"]),
    )  # fmt: skip
    story.check(
        "limits.relation.control", "Quill reads the same beds for Ben, who may", ALLOWED,
        await play.said(play.ben_errand, "read_document", document_id=ids["Beds"]), control=True,
    )  # fmt: skip
    await _audience(play)


async def _audience(play: Play) -> None:
    story, stage = play.story, play.stage
    token = await play.errand.token()
    done = await call_with_token(play.wire, stage.notes, token, "list_notes", {})
    story.check(
        "limits.audience", "Quill takes its documents token to the notes server",
        "wrong_audience", done.said,
    )  # fmt: skip
    at_notes = play.quill.acting(play.user_token, stage.notes, "notes:read")
    story.check(
        "limits.audience.control", "Quill takes a token for the notes server there", ALLOWED,
        (await at_notes.call("list_notes")).said, control=True,
    )  # fmt: skip
    # Mandate itself answers the documents server nothing about somebody else's token.
    foreign = await play.documents.evaluate(
        await at_notes.token(), "read_document", document_id=play.ids["Plan"]
    )
    story.check(
        "limits.audience_at_mandate", "The documents server asks Mandate about the notes token",
        "wrong_audience", foreign.said,
    )  # fmt: skip
    fitting = await play.documents.evaluate(token, "read_document", document_id=play.ids["Plan"])
    story.check(
        "limits.audience_at_mandate.control", "The documents server asks about its own token",
        ALLOWED, fitting.said, control=True,
    )  # fmt: skip
