"""Access tokens as clients obtain them from a running server."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from tests.support.live import CALLBACK, Live
from tests.support.person import Person
from tests.support.world import CHALLENGE, VERIFIER, Party


def user_token(
    mandate: Live,
    party: Party,
    person: Person,
    *,
    scope: str,
    callback: str = CALLBACK,
    **more: Any,
) -> dict[str, Any]:
    """Let a person sign in and allow `scope`; return the answer of the token endpoint.

    `more` are parameters of the request (`resource`) and, in `picks`, fields of the consent page.
    """
    picks: dict[str, Any] = more.pop("picks", {"scope": scope.split()})
    query = httpx2.QueryParams(
        response_type="code", client_id=party.client.id, redirect_uri=callback, scope=scope,
        code_challenge=CHALLENGE, code_challenge_method="S256", **more,
    )  # fmt: skip
    came_back = person.authorize(f"{mandate.issuer}/authorize?{query}", **picks)
    told = dict(parse_qsl(urlsplit(came_back).query))
    form = {
        "grant_type": "authorization_code", "code": told["code"], "redirect_uri": callback,
        "code_verifier": VERIFIER,
    }  # fmt: skip
    if party.secret is None:
        form["client_id"] = party.client.id
    return _asked(mandate, party, form)


def own_token(mandate: Live, party: Party, **more: str) -> dict[str, Any]:
    """Let a client obtain a token as itself (RFC 6749 §4.4)."""
    return _asked(mandate, party, {"grant_type": "client_credentials", **more})


def _asked(mandate: Live, party: Party, form: dict[str, str]) -> dict[str, Any]:
    headers = party.basic if party.secret is not None else {}
    answer = httpx2.post(f"{mandate.issuer}/token", data=form, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
