"""Chapter 9: a decision is an AND. Each leg is taken away alone, and put back."""

from collections.abc import Awaitable, Callable

from examples.demo.play import ALLOWED, EVERY_DOCS, Play
from examples.demo.registry import NOTES, ceiling

Act = Callable[[], Awaitable[object]]


async def tell(play: Play) -> None:
    """Take away, look, put back, look."""
    play.story.chapter(
        "9 · Every leg counts",
        "Token, delegation, each agent's ceiling, Ana's own right, what she picked: each leg is",
        "removed alone, is refused with its own reason, and works again when it is back.",
    )
    await _user_relation(play)
    await _ceiling(play)
    await _suspended(play)
    await _disabled(play)


async def _quill_lists(play: Play) -> str:
    return await play.said(play.errand, "list_folder", folder_id=play.ids["Projects"])


async def _quill_reads(play: Play) -> str:
    return await play.said(play.errand, "read_document", document_id=play.ids["Plan"])


async def _sift_reads(play: Play) -> str:
    return await play.said(play.sift_errand, "read_document", document_id=play.ids["Plan"])


async def _user_relation(play: Play) -> None:
    story = play.story
    owns = (f"user:{play.ana.user_id}", "owner", f"folder:{play.ids['Projects']}")
    await play.documents.write([], [owns])
    story.check(
        "leg.user", "Ana's folder is taken from her: Quill lists it",
        "object_denied (user_relation)", await _quill_lists(play),
    )  # fmt: skip
    await play.documents.write([owns], [])
    story.check(
        "leg.user.back", "It is given back", ALLOWED, await _quill_lists(play), control=True
    )


async def _ceiling(play: Play) -> None:
    story, desk = play.story, play.stage.desk
    lower = ceiling(play, ("docs:write", *NOTES))
    await desk.mandate("agent", "ceiling", play.quill.agent_id, *lower)
    story.check(
        "leg.ceiling", "Quill's ceiling loses docs:read: Quill reads the plan",
        "ceiling_scope", await _quill_reads(play),
    )  # fmt: skip
    story.check(
        "leg.ceiling.chain", "and Sift, who works through Quill, reads it",
        "ceiling_scope", await _sift_reads(play),
    )  # fmt: skip
    full = ceiling(play, (*EVERY_DOCS, *NOTES))
    await desk.mandate("agent", "ceiling", play.quill.agent_id, *full)
    story.check(
        "leg.ceiling.back", "The ceiling is raised again", ALLOWED, await _quill_reads(play),
        control=True,
    )  # fmt: skip


async def _suspended(play: Play) -> None:
    story = play.story
    await play.olga.change_agent(play.sift.agent_id, "suspend")
    story.check(
        "leg.agent", "Olga suspends Sift on the console: Sift reads the plan",
        "agent_suspended", await _sift_reads(play),
    )  # fmt: skip
    story.check(
        "leg.agent.control", "Quill, who is not suspended, reads it", ALLOWED,
        await _quill_reads(play), control=True,
    )  # fmt: skip
    await play.olga.change_agent(play.sift.agent_id, "resume")
    story.check(
        "leg.agent.back", "Olga resumes Sift", ALLOWED, await _sift_reads(play), control=True
    )


async def _disabled(play: Play) -> None:
    story = play.story
    await play.olga.change_person(play.ana.user_id, "disable")
    story.check(
        "leg.person", "Olga disables Ana's account: Quill reads the plan for her",
        "user_disabled", await _quill_reads(play),
    )  # fmt: skip
    story.check("leg.person.chain", "and so does Sift", "user_disabled", await _sift_reads(play))
    story.check(
        "leg.person.control", "Quill reads Ben's beds for Ben", ALLOWED,
        await play.said(play.ben_errand, "read_document", document_id=play.ids["Beds"]),
        control=True,
    )  # fmt: skip
    await play.olga.change_person(play.ana.user_id, "enable")
    story.check(
        "leg.person.back", "Olga enables the account", ALLOWED, await _quill_reads(play),
        control=True,
    )  # fmt: skip
