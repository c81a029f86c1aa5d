"""The checks of an authorization request, each one named, in the order of the specifications.

`CLIENT_CHECKS` come first: until they have passed, nobody may be redirected (RFC 6749 §4.1.2.1).
"""

import re
from collections.abc import Callable
from typing import Final

from authz.dpop import is_thumbprint
from server.domain.refusal import Refused, invalid_request
from server.domain.registry import GrantType, Status
from server.protocol.authorize_draft import Draft
from server.protocol.authorize_targets import TARGET_CHECKS
from server.protocol.redirect_uri import is_registered

Check = Callable[[Draft], Refused | None]

RESPONSE_MODES: Final = ("query", "form_post")
PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
MAX_TEXT: Final = 2048
"""Characters of `state`, `nonce` and `login_hint`, which travel in URLs and rows."""
MAX_ACR_VALUES: Final = 10

# RFC 7636 §4.2: the base64url of 32 bytes; its last character carries four bits.
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


def client_is_known(d: Draft) -> Refused | None:
    """RFC 6749 §4.1.2.1: an unknown client is told on a page, never by a redirect."""
    if d.client is None or d.client.status is not Status.ACTIVE:
        return _never_redirect("unknown_client", "The application is not registered here.")
    return None


def redirect_uri_is_registered(d: Draft) -> Refused | None:
    """RFC 9700 §2.1: exact match. It may be left out only if there is no choice."""
    registered = d.client.redirect_uris if d.client else ()
    sent = d.sent.get("redirect_uri")
    if sent is None:
        openid = "openid" in (d.sent.get("scope") or "").split(" ")
        # OIDC Core §3.1.2.1: redirect_uri is REQUIRED there.
        if len(registered) != 1 or openid:
            return _never_redirect("redirect_uri_missing", "redirect_uri is missing.")
        d.redirect_uri = registered[0]
        return None
    by_itself = d.client is not None and d.client.by_itself is not None
    if not is_registered(sent, registered, by_itself=by_itself):
        return _never_redirect(
            "redirect_uri_unregistered", "redirect_uri is not registered for the application."
        )
    d.redirect_uri, d.redirect_uri_sent = sent, True
    return None


def response_mode_is_known(d: Draft) -> Refused | None:
    """OAuth 2.0 Multiple Response Types §2.1; errors go by `query` until it is known."""
    mode = d.sent.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        return invalid_request("response_mode", "response_mode is query or form_post.")
    d.response_mode = mode
    return None


def texts_are_bounded(d: Draft) -> Refused | None:
    """Free texts come back in URLs, so they have a bound; a long `state` is not sent back."""
    for name in ("state", "nonce", "login_hint"):
        value = d.sent.get(name)
        if value is not None and len(value) > MAX_TEXT:
            return invalid_request(f"{name}_too_long", f"{name} is too long.")
        if value is not None:
            d.texts[name] = value
    return None


def no_request_object(d: Draft) -> Refused | None:
    """OIDC Core §6, RFC 9101: parameters are pushed (RFC 9126), never sent as a JWT."""
    if "request" in d.sent:
        return Refused(
            error="request_not_supported",
            reason="request_object",
            description="request is not supported; push the parameters instead.",
        )
    if "request_uri" in d.sent:
        return Refused(
            error="request_uri_not_supported",
            reason="request_uri",
            description="request_uri is good only as the pushed authorization endpoint gave it.",
        )
    if "registration" in d.sent:
        return Refused(
            error="registration_not_supported",
            reason="registration",
            description="registration is not supported.",
        )
    return None


def client_pushes_if_it_must(d: Draft) -> Refused | None:
    """RFC 9126 §6: `require_pushed_authorization_requests` of the client."""
    if d.client is not None and d.client.require_par and not d.pushed:
        return invalid_request("par_required", "This client must push its request (RFC 9126).")
    return None


def response_type_is_code(d: Draft) -> Refused | None:
    """RFC 9700 §2.1.2: no token ever goes through the front channel."""
    kind = d.sent.get("response_type")
    if kind is None:
        return invalid_request("response_type_missing", "response_type is missing.")
    if kind != "code":
        return Refused(
            error="unsupported_response_type",
            reason="response_type",
            description="The only response_type is code.",
        )
    return None


def client_may_use_codes(d: Draft) -> Refused | None:
    """RFC 6749 §4.1.2.1: `unauthorized_client`; so is one whose agent may not act."""
    client = d.client
    if client is None or GrantType.AUTHORIZATION_CODE not in client.grant_types:
        return _unauthorized("grant_type", "The client may not use authorization codes.")
    if client.agent_id is not None:
        d.agent = d.known.agents.get(client.agent_id)
        if d.agent is None or d.agent.status is not Status.ACTIVE:
            return _unauthorized("agent_suspended", "The agent of this client may not act now.")
    return None


def pkce_is_s256(d: Draft) -> Refused | None:
    """RFC 9700 §2.1.1, RFC 7636 §4.3: required of every client, and `plain` is refused."""
    challenge = d.sent.get("code_challenge")
    if challenge is None:
        return invalid_request("code_challenge_missing", "code_challenge is missing.")
    if d.sent.get("code_challenge_method") != "S256":
        return invalid_request("code_challenge_method", "code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        return invalid_request("code_challenge", "code_challenge is no SHA-256 in base64url.")
    d.code_challenge = challenge
    return None


def dpop_jkt_is_a_thumbprint(d: Draft) -> Refused | None:
    """RFC 9449 §10: the key that the code is to be bound to."""
    jkt = d.sent.get("dpop_jkt")
    if jkt is not None and not is_thumbprint(jkt):
        return invalid_request("dpop_jkt", "dpop_jkt is no SHA-256 thumbprint of a key.")
    d.dpop_jkt = jkt
    return None


def prompt_is_known(d: Draft) -> Refused | None:
    """OIDC Core §3.1.2.1: `none` with another value is an error."""
    values = (d.sent.get("prompt") or "").split()
    if not PROMPTS.issuperset(values):
        return invalid_request("prompt", "prompt has an unknown value.")
    if "none" in values and len(set(values)) > 1:
        return invalid_request("prompt_none", "prompt=none stands alone.")
    d.prompt = frozenset(values)
    return None


def max_age_is_a_number(d: Draft) -> Refused | None:
    """OIDC Core §3.1.2.1: seconds since the user actively signed in."""
    text = d.sent.get("max_age")
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        return invalid_request("max_age", "max_age is a number of seconds.")
    d.max_age = int(text)
    return None


def acr_values_are_few(d: Draft) -> Refused | None:
    """OIDC Core §3.1.2.1: a voluntary wish in order of preference; unknown ones are ignored."""
    values = (d.sent.get("acr_values") or "").split()
    if len(values) > MAX_ACR_VALUES:
        return invalid_request("acr_values", "acr_values has too many values.")
    d.acr_values = tuple(values)
    return None


CLIENT_CHECKS: Final[tuple[Check, ...]] = (client_is_known, redirect_uri_is_registered)

REQUEST_CHECKS: Final[tuple[Check, ...]] = (
    response_mode_is_known,
    texts_are_bounded,
    no_request_object,
    client_pushes_if_it_must,
    response_type_is_code,
    client_may_use_codes,
    pkce_is_s256,
    dpop_jkt_is_a_thumbprint,
    prompt_is_known,
    max_age_is_a_number,
    acr_values_are_few,
    *TARGET_CHECKS,
)


def _never_redirect(reason: str, description: str) -> Refused:
    return Refused(
        error="invalid_request", reason=reason, description=description, redirectable=False
    )


def _unauthorized(reason: str, description: str) -> Refused:
    return Refused(error="unauthorized_client", reason=reason, description=description)
