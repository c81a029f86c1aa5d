"""The endpoints that a browser goes through: authorization and logout, with their parameters."""

from typing import Final

from server.protocol.authorize_checks import MAX_TEXT, RESPONSE_MODES
from server.web.openapi.build import (
    Json,
    answer,
    array,
    form,
    form_body,
    operation,
    query,
    shared,
    text,
    words,
)
from server.web.openapi.schemas import ASKED_DETAILS, SCOPE, URI

AUTHORIZATION: Final[Json] = {
    "response_type": text("RFC 9700 §2.1.2: codes only.", const="code"),
    "redirect_uri": text("Exactly as registered; the port of a loopback address may differ."),
    "response_mode": words(list(RESPONSE_MODES)),
    "scope": SCOPE,
    "state": text("Comes back unchanged.", maxLength=MAX_TEXT),
    "nonce": text("Comes back in the ID token.", maxLength=MAX_TEXT),
    "code_challenge": text("RFC 7636 §4.2, S256.", pattern="^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"),
    "code_challenge_method": text(const="S256"),
    "dpop_jkt": text("The key that the code is bound to (RFC 9449 §10)."),
    "prompt": text("none, login, consent and select_account, parted by spaces."),
    "max_age": text("Seconds since the person signed in.", pattern="^[0-9]{1,9}$"),
    "acr_values": text("A wish, in order of preference."),
    "login_hint": text(maxLength=MAX_TEXT),
    "resource": array(URI, description="RFC 8707 §2; repeatable.", maxItems=10),
    "authorization_details": text(
        "A JSON array (RFC 9396 §2).",
        contentMediaType="application/json",
        contentSchema=ASKED_DETAILS,
    ),
}
"""The parameters of an authorization request (RFC 6749 §4.1.1), pushed or not."""

_BY_BROWSER: Final[Json] = {
    "client_id": text(),
    **AUTHORIZATION,
    "request_uri": text("From the pushed authorization request endpoint (RFC 9126 §4)."),
}
_LOGOUT: Final[Json] = {
    "id_token_hint": text("An ID token of this server; may have expired."),
    "client_id": text(),
    "post_logout_redirect_uri": text("Exactly as registered."),
    "state": text("Comes back unchanged.", maxLength=MAX_TEXT),
}
_SENT: Final[Json] = {
    "303": answer("To the client, or to our own pages.", None, "Location"),
    **shared("400 Page", "503 Page"),
}


def authorize(method: str) -> Json:
    """Describe the authorization endpoint for GET or POST (OIDC Core §3.1.2.1)."""
    return _by_browser(
        method,
        "Authorize",
        "RFC 6749 §3.1: ask the person. Answers go to redirect_uri with iss (RFC 9207).",
        {"200": answer("A form that posts the answer (form_post).", text(), media_type="text/html")}
        | _SENT
        | shared("403 Page", "429 LaterPage"),
        _BY_BROWSER,
        tag="authorization",
    )


def logout(method: str) -> Json:
    """Describe RP-initiated logout for GET or POST."""
    return _by_browser(
        method,
        "Logout",
        "OIDC RP-Initiated Logout §2: sign the person out.",
        {"200": answer("The question whether to sign out.", text(), media_type="text/html")}
        | _SENT,
        _LOGOUT,
        tag="authorization",
    )


def _by_browser(
    method: str, name: str, summary: str, responses: Json, parameters: Json, *, tag: str
) -> Json:
    if method == "get":
        listed = [query(each, schema) for each, schema in parameters.items()]
        # A head that is too long is answered before anybody knows whose it is.
        longest = shared("400 PageOrTooLong")
        return operation(f"get{name}", summary, responses | longest, tag=tag, parameters=listed)
    sent = responses | shared("413 Page", "415 Page")
    body = form_body(form({}, parameters))
    return operation(f"post{name}", summary, sent, tag=tag, requestBody=body)
