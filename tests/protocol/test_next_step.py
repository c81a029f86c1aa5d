"""What is next in an authorization: every case of `prompt`, `max_age` and `acr_values`, as a table."""

from dataclasses import replace

import pytest

from server.domain.interactions import AuthorizationRequest
from server.domain.people import ACR_PASSWORD, Session
from server.protocol.interaction import (
    Complete,
    Consent,
    ConsentState,
    Refuse,
    SignIn,
    StepUp,
    next_step,
)
from tests.requirements import requirement
from tests.support.clock import NEW_YEAR_2026 as NOW
from tests.support.flow_site import CALLBACK

REQUEST = AuthorizationRequest(
    client_id="cli", redirect_uri=CALLBACK, redirect_uri_sent=True, response_mode="query",
    state=None, scope="openid", code_challenge="c" * 43,
)  # fmt: skip
SESSION = Session(
    id="sid_1", cookie_hash="h", user_id="usr_1", auth_time=NOW - 600_000, acr=ACR_PASSWORD,
    amr=("pwd",), created_at=NOW - 600_000, expires_at=NOW + 600_000,
)  # fmt: skip
WEAK = replace(SESSION, acr="urn:other")
OVER = replace(SESSION, expires_at=NOW)
UNASKED = ConsentState(silent=True)
COVERED = ConsentState(covering=("dlg_1",), silent=True)
DECIDED = ConsentState(decided=True, grant_id="dlg_2", silent=True)
LOGIN = Refuse("login_required", "login_required")
ASK = Refuse("consent_required", "consent_required")


@requirement(
    "oidc:3.1.2.1:prompt-none", "oidc:3.1.2.1:prompt-login", "oidc:3.1.2.1:max-age",
    "x9:prompt-none-one-row",
)  # fmt: skip
@pytest.mark.parametrize(
    ("prompt", "max_age", "acr", "session", "consent", "fresh", "step"),
    [
        # nobody is signed in
        ("", None, "", None, UNASKED, False, SignIn()),
        ("none", None, "", None, COVERED, False, LOGIN),
        ("", None, "", OVER, COVERED, False, SignIn()),
        ("none", None, "", OVER, COVERED, False, LOGIN),
        # somebody is
        ("", None, "", SESSION, UNASKED, False, Consent()),
        ("", None, "", SESSION, COVERED, False, Complete("dlg_1")),
        ("", None, "", SESSION, DECIDED, False, Complete("dlg_2")),
        ("", None, "", SESSION, ConsentState(spoiled=True), False,
         Refuse("access_denied", "consent_lost")),
        # the client wants no page
        ("none", None, "", SESSION, UNASKED, False, ASK),
        ("none", None, "", SESSION, COVERED, False, Complete("dlg_1")),
        ("none", None, "", SESSION, replace(COVERED, covering=("a", "b")), False, ASK),
        ("none", None, "", SESSION, replace(COVERED, silent=False), False, ASK),
        ("", None, "", SESSION, replace(COVERED, covering=("a", "b")), False, Consent()),
        ("", None, "", SESSION, replace(COVERED, silent=False), False, Consent()),
        # signing in again
        ("login", None, "", SESSION, COVERED, False, SignIn()),
        ("login", None, "", SESSION, COVERED, True, Complete("dlg_1")),
        ("select_account", None, "", SESSION, COVERED, False, SignIn()),
        ("login consent", None, "", SESSION, COVERED, True, Consent()),
        ("login", None, "", OVER, COVERED, True, SignIn()),
        # prompt=consent asks in spite of what is covered, once
        ("consent", None, "", SESSION, COVERED, False, Consent()),
        ("consent", None, "", SESSION, DECIDED, False, Complete("dlg_2")),
        # max_age: the session is 600 s old
        ("", 600, "", SESSION, COVERED, False, Complete("dlg_1")),
        ("", 599, "", SESSION, COVERED, False, SignIn()),
        ("", 0, "", SESSION, COVERED, False, SignIn()),
        ("", 0, "", SESSION, COVERED, True, Complete("dlg_1")),
        ("none", 599, "", SESSION, COVERED, False, LOGIN),
        ("none", 600, "", SESSION, COVERED, False, Complete("dlg_1")),
        # acr_values are wishes; unknown ones are ignored
        ("", None, "urn:gold", SESSION, COVERED, False, Complete("dlg_1")),
        ("", None, ACR_PASSWORD, SESSION, COVERED, False, Complete("dlg_1")),
        ("", None, f"urn:gold {ACR_PASSWORD}", WEAK, COVERED, False, StepUp(ACR_PASSWORD)),
        ("", None, ACR_PASSWORD, WEAK, COVERED, True, Complete("dlg_1")),
        ("none", None, ACR_PASSWORD, WEAK, COVERED, False,
         Refuse("unmet_authentication_requirements", "acr_values")),
        ("", None, "urn:gold", WEAK, COVERED, False, Complete("dlg_1")),
    ],
)  # fmt: skip
def test_next_step(prompt, max_age, acr, session, consent, fresh, step):
    request = replace(
        REQUEST, prompt=frozenset(prompt.split()), max_age=max_age,
        acr_values=tuple(acr.split()),
    )  # fmt: skip
    assert next_step(request, session, consent, NOW, fresh=fresh) == step
