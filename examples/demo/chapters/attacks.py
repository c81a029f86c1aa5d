"""Chapter 8: attacks on the exchange itself."""

import json
from dataclasses import replace

from examples.demo.play import ALLOWED, Play


async def tell(play: Play) -> None:
    """Attack; show the control."""
    story = play.story
    story.chapter(
        "8 · Attacks",
        "Tokens in the wrong hands, and parameters left out. What decides is where a token came",
        "from, never which parameters are sent.",
    )
    await _actor(play)
    await _presenter(play)
    await _refresh(play)
    await _code(play)


async def _actor(play: Play) -> None:
    story, stage = play.story, play.stage
    token = await play.errand.token()
    asked = {"subject_token": token, "resource": stage.documents, "scope": "docs:read"}
    story.check(
        "attack.no_actor", "Quill exchanges its delegated token without an actor token",
        "invalid_request: actor_token_missing", (await play.quill.exchange(**asked)).said,
    )  # fmt: skip
    story.check(
        "attack.no_actor.control", "The same request with Quill's actor token", ALLOWED,
        (await play.quill.exchange(**asked, actor_token=await play.quill.actor_token())).said,
        control=True,
    )  # fmt: skip
    asked["subject_token"] = play.ticket
    story.check(
        "attack.foreign_actor", "Sift exchanges its ticket with Quill's actor token",
        "invalid_request: actor_mismatch",
        (await play.sift.exchange(**asked, actor_token=await play.quill.actor_token())).said,
    )  # fmt: skip
    story.check(
        "attack.foreign_actor.control", "The same request with Sift's own actor token", ALLOWED,
        (await play.sift.exchange(**asked, actor_token=await play.sift.actor_token())).said,
        control=True,
    )  # fmt: skip


async def _presenter(play: Play) -> None:
    story, stage = play.story, play.stage
    received = await play.errand.token()
    story.check(
        "attack.server", "The documents server exchanges the token that it received",
        "invalid_request: not_presenter",
        (await play.documents.token({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": received,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "resource": stage.documents, "scope": "docs:read",
        })).said,
    )  # fmt: skip
    story.check(
        "attack.server.control", "Quill, to whom it was issued, exchanges the same token", ALLOWED,
        (await play.quill.exchange(
            subject_token=received, actor_token=await play.quill.actor_token(),
            resource=stage.documents, scope="docs:read",
        )).said, control=True,
    )  # fmt: skip
    asked = {"subject_token": play.user_token, "resource": stage.documents, "scope": "docs:read"}
    story.check(
        "attack.thief", "Courier got hold of Ana's token for Quill, and exchanges it",
        "invalid_request: not_presenter",
        (await play.courier.exchange(
            **asked, actor_token=await play.courier.actor_token())).said,
    )  # fmt: skip
    story.check(
        "attack.thief.control", "Quill, for whom it was made, exchanges the same token", ALLOWED,
        (await play.quill.exchange(**asked, actor_token=await play.quill.actor_token())).said,
        control=True,
    )  # fmt: skip


async def _refresh(play: Play) -> None:
    story = play.story
    asked = {"grant_type": "refresh_token", "refresh_token": play.refresh_token}
    wide = await play.chat.token({**asked, "scope": "docs:read docs:delete"})
    story.check(
        "attack.refresh", "Harbour Chat refreshes, and asks for docs:delete as well",
        "invalid_scope: scope_exceeds_grant", wide.said,
    )  # fmt: skip
    narrow = await play.chat.token({**asked, "scope": "docs:read"})
    story.check(
        "attack.refresh.control", "The same refresh without it", ALLOWED, narrow.said,
        control=True,
    )  # fmt: skip


async def _code(play: Play) -> None:
    """Redeem a code twice: the second time ends what the first time gave."""
    story, stage = play.story, play.stage
    details = [{
        "type": "mandate", "resource": stage.documents, "scopes": ["docs:read"],
        "objects": [f"folder:{play.ids['Projects']}"],
    }]  # fmt: skip
    asked = await play.chat.ask(
        scope="openid offline_access", resource=play.quill.uri, prompt="none",
        authorization_details=json.dumps(details),
    )  # fmt: skip
    landed = (await play.ana.browser.open(asked.url)).url
    code = play.chat.code(asked, landed)
    guessed = replace(asked, verifier="a" * 43)
    story.check(
        "attack.code.verifier", "Somebody saw the code, and sends it without its PKCE verifier",
        "invalid_grant: verifier_mismatch", (await play.chat.redeem(guessed, code)).said,
    )  # fmt: skip
    first = await play.chat.redeem(asked, code)
    story.check(
        "attack.code.first", "Part of what Ana allowed needs no new page (prompt=none): a code",
        ALLOWED, first.said,
    )  # fmt: skip
    token = first.value["access_token"]
    exchange = {"subject_token": token, "resource": stage.documents, "scope": "docs:read"}
    story.check(
        "attack.code.before", "Quill exchanges what the code gave", ALLOWED,
        (await play.quill.exchange(
            **exchange, actor_token=await play.quill.actor_token())).said, control=True,
    )  # fmt: skip
    story.check(
        "attack.code.replay", "Somebody sends the same code a second time",
        "invalid_grant: code_replayed", (await play.chat.redeem(asked, code)).said,
    )  # fmt: skip
    story.check(
        "attack.code.after", "and what the first time gave is dead: Quill exchanges it again",
        "invalid_request: token_revoked",
        (await play.quill.exchange(
            **exchange, actor_token=await play.quill.actor_token())).said,
    )  # fmt: skip
    refreshed = await play.chat.token(
        {"grant_type": "refresh_token", "refresh_token": first.value["refresh_token"]}
    )
    story.check(
        "attack.code.family", "and so is its refresh token",
        "invalid_grant: refresh_revoked", refreshed.said,
    )  # fmt: skip
    story.check(
        "attack.code.control", "What came from the other code works on", ALLOWED,
        await play.said(play.errand, "read_document", document_id=play.ids["Plan"]), control=True,
    )  # fmt: skip
