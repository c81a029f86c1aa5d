"""Chapter 10: Ana takes it back. The same bytes, minutes before their expiry, are worth nothing."""

import time

from examples.demo.clients import Agent, claims
from examples.demo.play import ALLOWED, Play
from examples.demo.stage import ROOT
from examples.demo.tools import call_with_token

SCRIPT = ROOT / "examples" / "demo" / "offline.py"


async def tell(play: Play) -> None:
    """Revoke on the page; ask everybody."""
    story, stage = play.story, play.stage
    story.chapter(
        "10 · Ana takes it back",
        "On the page “My agents” she opens Quill, reads what stops with it, and presses Revoke.",
        "From now on we send the very same bytes.",
    )
    tokens = [
        ("Quill", play.quill, await play.errand.token()),
        ("Sift", play.sift, await play.sift_errand.token()),
    ]
    for name, agent, token in tokens:
        for number, worker in enumerate(stage.workers, 1):
            got = await _evaluated(play, token, worker)
            story.check(
                f"revoke.before.{name.lower()}.{number}",
                f"Before: worker {number} on {name}'s token", "allowed, active",
                f"{got}, {await agent.introspect(token, worker=worker)}", control=True,
            )  # fmt: skip
    await play.ana.sign_in()
    page = await play.ana.revoke("Quill")
    story.check(
        "revoke.page", "Ana presses Revoke; the page shows the delegation as revoked", "yes",
        "yes" if page.status == 200 and "Revoked" in page.words else f"{page.status} {page.url}",
    )  # fmt: skip
    for name, agent, token in tokens:
        await _dead(play, name, agent, token)
    await _exchange(play)
    await _others(play)
    await _offline(play, tokens[0][2])


async def _evaluated(play: Play, token: str, worker: str) -> str:
    done = await play.documents.evaluate(
        token, "read_document", worker=worker, document_id=play.ids["Plan"]
    )
    return done.said


async def _dead(play: Play, name: str, agent: Agent, token: str) -> None:
    story = play.story
    left = claims(token)["exp"] - time.time()
    story.check(
        f"revoke.{name.lower()}.unexpired", f"{name}'s token has minutes left", "yes",
        "yes" if left > 60 else f"{left:.0f} s",
    )  # fmt: skip
    for number, worker in enumerate(play.stage.workers, 1):
        got = await _evaluated(play, token, worker)
        seen = await agent.introspect(token, worker=worker)
        story.check(
            f"revoke.{name.lower()}.worker_{number}", f"Worker {number} on the same bytes",
            "delegation_revoked, inactive", f"{got}, {seen}",
        )  # fmt: skip
    done = await call_with_token(
        play.wire, play.stage.documents, token, "read_document",
        {"document_id": play.ids["Plan"]},
    )  # fmt: skip
    play.remember(token, "read_document", done.said)
    story.check(
        f"revoke.{name.lower()}.tool", f"{name} reads the plan at the documents server",
        "delegation_revoked", done.said,
    )  # fmt: skip


async def _exchange(play: Play) -> None:
    for number, worker in enumerate(play.stage.workers, 1):
        answer = await play.quill.exchange(
            worker=worker, subject_token=play.user_token,
            actor_token=await play.quill.actor_token(),
            resource=play.stage.documents, scope="docs:read",
        )  # fmt: skip
        play.story.check(
            f"revoke.exchange.worker_{number}",
            f"Quill exchanges Ana's token at worker {number}",
            "invalid_request: consent_required", answer.said,
        )  # fmt: skip
    answer = await play.sift.exchange(
        subject_token=play.ticket, actor_token=await play.sift.actor_token(),
        resource=play.stage.documents, scope="docs:read",
    )  # fmt: skip
    play.story.check(
        "revoke.ticket", "Sift exchanges its ticket", "invalid_request: delegation_revoked",
        answer.said,
    )  # fmt: skip
    answer = await play.chat.token(
        {"grant_type": "refresh_token", "refresh_token": play.refresh_token}
    )
    play.story.check(
        "revoke.refresh", "Harbour Chat refreshes", "invalid_grant: delegation_revoked",
        answer.said,
    )  # fmt: skip


async def _others(play: Play) -> None:
    token = await play.ben_errand.token()
    for number, worker in enumerate(play.stage.workers, 1):
        done = await play.documents.evaluate(
            token, "read_document", worker=worker, document_id=play.ids["Beds"]
        )
        play.story.check(
            f"revoke.ben.worker_{number}", f"Ben's delegation to Quill, at worker {number}",
            ALLOWED, done.said, control=True,
        )  # fmt: skip
    play.story.check(
        "revoke.ben.tool", "Quill reads Ben's beds for Ben", ALLOWED,
        await play.said(play.ben_errand, "read_document", document_id=play.ids["Beds"]),
        control=True,
    )  # fmt: skip


async def _offline(play: Play, token: str) -> None:
    """Show what a verifier that never asks believes."""
    said = await play.stage.run_apart(
        str(SCRIPT), token, f"{play.stage.issuer}/jwks", play.stage.documents
    )
    valid = said.startswith("signature valid") and said.endswith("s left")
    play.story.check(
        "revoke.offline", f"A plain PyJWT script on Quill's revoked token: {said}", "still valid",
        "still valid" if valid else said,
    )  # fmt: skip
    play.story.note(
        "So a server that checks signatures alone learns of a revocation when the token expires."
    )
    play.story.note("Nor does it see a ceiling, a suspension, or which documents Ana picked.")
