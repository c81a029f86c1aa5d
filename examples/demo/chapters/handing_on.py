"""Chapter 6: Quill hands work to Sift, who may not hand it on."""

from examples.demo.clients import chain, claims
from examples.demo.play import ALLOWED, Play


async def tell(play: Play) -> None:
    """Hand on, work, and stop at the last hop."""
    story, stage, ids = play.story, play.stage, play.ids
    story.chapter(
        "6 · One hop on",
        "Ana allowed Quill to hand work to Sift and to Courier, one hop deep. Quill hands Sift",
        "one document to read: a child of its delegation, and a ticket only Sift can use.",
    )
    part = {
        "type": "mandate",
        "resource": stage.documents,
        "scopes": ["docs:read"],
        "objects": [f"document:{ids['Plan']}"],
    }
    play.ticket = await play.errand.hand_over(play.sift, "docs:read", [part])
    may_act = claims(play.ticket)["may_act"]["sub"]
    story.check(
        "hop.ticket", "The ticket says who may act with it", "Sift", play.name(may_act),
    )  # fmt: skip
    play.sift_errand = play.sift.acting(play.ticket, stage.documents, "docs:read")
    token = await play.sift_errand.token()
    story.check(
        "hop.chain", "Sift's token names everybody on the way (nested act)",
        "Sift for Quill for Ana",
        f"{play.names(chain(token))} for {play.name(claims(token)['sub'])}",
    )  # fmt: skip
    story.check(
        "hop.read", "Sift reads the plan for Ana", ALLOWED,
        await play.said(play.sift_errand, "read_document", document_id=ids["Plan"]),
    )  # fmt: skip
    story.check(
        "hop.object", "Sift reads the budget, which it was not handed",
        "object_denied (consent_object)",
        await play.said(play.sift_errand, "read_document", document_id=ids["Budget"]),
    )  # fmt: skip
    story.check(
        "hop.object.control", "Quill reads the same budget", ALLOWED,
        await play.said(play.errand, "read_document", document_id=ids["Budget"]), control=True,
    )  # fmt: skip
    writing = play.sift.acting(play.ticket, stage.documents, "docs:write")
    story.check(
        "hop.scope", "Sift asks to write, which it was not handed",
        "invalid_scope: nothing_left",
        await play.said(writing, "create_document", folder_id=ids["Projects"], title="x",
                        content="x"),
    )  # fmt: skip
    story.check(
        "hop.scope.control", "Quill, who was given it, writes", ALLOWED,
        await play.said(play.errand, "create_document", folder_id=ids["Projects"], title="Facts",
                        content="May."), control=True,
    )  # fmt: skip
    await _beyond(play)


async def _beyond(play: Play) -> None:
    """Sift tries to hand on to Courier; Quill, one hop earlier, may."""
    story = play.story
    story.check(
        "hop.beyond", "Sift hands on to Courier, two hops from Ana",
        "invalid_target: handover_not_consented",
        (await play.sift.exchange(
            subject_token=await play.sift_errand.token(),
            actor_token=await play.sift.actor_token(),
            audience=play.courier.uri, scope="docs:read",
        )).said,
    )  # fmt: skip
    story.check(
        "hop.beyond.control", "Quill hands on to Courier, one hop from Ana", ALLOWED,
        (await play.quill.exchange(
            subject_token=await play.errand.token(),
            actor_token=await play.quill.actor_token(),
            audience=play.courier.uri, scope="docs:read",
        )).said, control=True,
    )  # fmt: skip
