"""Chapter 3: a chat application asks, Ana signs in, narrows, and allows."""

import json

from examples.demo.clients import chain, claims
from examples.demo.people import Person
from examples.demo.play import ALLOWED, Play

ASKED = ("docs:read", "docs:write", "docs:delete")


def request(play: Play) -> dict[str, str]:
    """Return what Harbour Chat asks for: a delegation to Quill, who may hand work on."""
    details = [
        {
            "type": "mandate",
            "resource": play.stage.documents,
            "scopes": list(ASKED),
            "agents": [play.sift.agent_id, play.courier.agent_id],
            "max_depth": 1,
        },
        {
            "type": "mandate",
            "resource": play.stage.notes,
            "scopes": ["notes:read", "notes:write"],
        },
    ]
    return {
        "scope": "openid offline_access",
        "resource": play.quill.uri,
        "authorization_details": json.dumps(details),
    }


async def tell(play: Play) -> None:
    """Ask, narrow, allow."""
    story = play.story
    story.chapter(
        "3 · Consent",
        "Harbour Chat wants Quill to work for Ana. It asks to read, write and delete documents",
        "and to use notes. Ana is at another computer: she signs in, picks one of her two",
        "folders, and leaves deleting off.",
    )
    await _denied(play)
    ana = play.ana.elsewhere(play.wire, play.stage.issuer)
    asked = await play.chat.ask(**request(play))
    page = await ana.consent_page(asked)
    form = page.form("/consent")
    offered = " ".join(f.value for f in form.fields if f.name == "scope")
    story.check(
        "consent.offered", "After signing in, Ana is offered what was asked for",
        " ".join((*ASKED, "notes:read", "notes:write")), offered,
    )  # fmt: skip
    story.check(
        "consent.delete_is_off", "Deleting cannot be undone, so its switch is off at first",
        "off", "on" if any("Delete" in label for label in form.ticked("scope")) else "off",
    )  # fmt: skip
    story.check(
        "consent.nothing_picked", "None of her things is picked at first",
        "nothing", ", ".join(form.ticked("object")) or "nothing",
    )  # fmt: skip
    form.tick("scope", "Read documents", "Write and move", "See notes")
    form.tick("object", "Projects")
    landed = await ana.allow(page, form)
    code = play.chat.code(asked, landed)
    answer = await play.chat.redeem(asked, code)
    story.check(
        "consent.code", "Harbour Chat trades the code, with its PKCE verifier",
        ALLOWED, answer.said,
    )  # fmt: skip
    tokens = answer.value
    play.user_token, play.refresh_token = tokens["access_token"], tokens["refresh_token"]
    story.check(
        "consent.narrowed", "What Ana left on is what was granted",
        "docs:read docs:write notes:read", tokens["scope"],
    )  # fmt: skip
    held = claims(play.user_token)
    story.check(
        "consent.for_quill", "The token speaks of Ana, and Quill is its only audience",
        "of Ana, for Quill, nobody acts yet",
        f"of {play.name(held['sub'])}, for {_agent(play, held['aud'])},"
        f" {play.names(chain(play.user_token)) or 'nobody'} acts yet",
    )  # fmt: skip
    await ana.browser.close()
    await _ben(play)


async def _denied(play: Play) -> None:
    ben = play.ben.elsewhere(play.wire, play.stage.issuer)
    asked = await play.chat.ask(**request(play))
    page = await ben.consent_page(asked)
    page = await ben.browser.press(page, page.form("/consent"), "Not now")
    play.story.check(
        "consent.denied", "Ben is asked first and says “Not now”",
        "access_denied", play.chat.code(asked, page.url),
    )  # fmt: skip
    await ben.browser.close()


async def _ben(play: Play) -> None:
    """Ben thinks again, and lets Quill read his garden."""
    ben: Person = play.ben
    asked = await play.chat.ask(**request(play))
    page = await ben.consent_page(asked)
    form = page.form("/consent").tick("scope", "Read documents").tick("object", "Garden")
    answer = await play.chat.redeem(asked, play.chat.code(asked, await ben.allow(page, form)))
    play.ben_errand = play.quill.acting(
        answer.value["access_token"], play.stage.documents, "docs:read"
    )
    play.story.check(
        "consent.ben", "Ben thinks again: Quill may read his garden, and no more",
        "docs:read", answer.value["scope"],
    )  # fmt: skip


def _agent(play: Play, uri: str) -> str:
    return {play.quill.uri: "Quill"}.get(uri, uri)
