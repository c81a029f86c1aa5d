"""A plain application that people sign in to: what it holds, and taking that back."""

from dataclasses import replace
from typing import Any

from server.domain.registry import Client, ClientAuth
from server.services.registration import NewClient, add_client
from tests.support.flow_site import CALLBACK, CODE_AND_REFRESH, VERIFIER, Flow, told
from tests.support.people_site import Browser, words

PAGE, REMOVE = "/applications", "/applications/remove"
WIDE = "openid profile email offline_access"
KEPT = {"scope": ["openid", "profile", "email"], "duration": "kept"}


async def application(flow: Flow, name: str = "Notes", **changes: Any) -> NewClient:
    """Register a plain application that can keep a secret, and may look at its own tokens."""
    client = Client(
        id="", name=name, auth=ClientAuth.BASIC, redirect_uris=(CALLBACK,),
        grant_types=CODE_AND_REFRESH,
    )  # fmt: skip
    return await add_client(flow.site.core, replace(client, **changes), by="test")


async def ask(flow: Flow, browser: Browser, app: NewClient, **changes: object):
    return await flow.authorize(browser, app.client, **{"scope": WIDE, "resource": None, **changes})


async def asked_again(flow: Flow, browser: Browser, app: NewClient, **changes: object) -> bool:
    page = await ask(flow, browser, app, **changes)
    return page.status_code == 200 and "wants to use your account" in words(page.text)


async def post(flow: Flow, app: NewClient, path: str, form: dict[str, str]):
    http = flow.site.browser().http
    assert app.secret is not None
    return await http.post(f"{flow.issuer}{path}", data=form, auth=(app.client.id, app.secret))


async def redeem(flow: Flow, app: NewClient, code: str):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return await post(flow, app, "/token", {**form, "code_verifier": VERIFIER})


async def sign_in(flow: Flow, browser: Browser, app: NewClient, **picks: object) -> dict[str, str]:
    """Allow the application all it asks for, and return the tokens that it gets."""
    page = await ask(flow, browser, app, prompt="consent")
    answer = told(await flow.decide(browser, page, **{**KEPT, **picks}))
    redeemed = await redeem(flow, app, answer["code"])
    assert redeemed.status_code == 200, redeemed.text
    tokens: dict[str, str] = redeemed.json()
    return tokens


async def refresh(flow: Flow, app: NewClient, tokens: dict[str, str]):
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return await post(flow, app, "/token", form)


async def active(flow: Flow, app: NewClient, token: str) -> bool:
    return bool((await post(flow, app, "/introspect", {"token": token})).json()["active"])


async def works(flow: Flow, app: NewClient, tokens: dict[str, str]) -> bool:
    """Tell whether the sign-in lives: its access token, its refresh token, a new access token."""
    alive = {await active(flow, app, tokens[name]) for name in ("access_token", "refresh_token")}
    answer = await refresh(flow, app, tokens)
    alive.add(answer.status_code == 200)
    assert len(alive) == 1, "one of them says otherwise"
    return alive.pop()


async def remove(browser: Browser, client_id: str, csrf: str | None = None, **kw):
    token = await browser.csrf("/sign-out") if csrf is None else csrf
    return await browser.post(REMOVE, {"csrf": token, "client_id": client_id}, **kw)


async def listed(browser: Browser) -> str:
    page = await browser.get(PAGE)
    assert page.status_code == 200
    return words(page.text)


async def trail(flow: Flow) -> list[tuple[object, ...]]:
    return await flow.audit("consent:removed")
