"""Dynamic registration (RFC 7591, RFC 7592), described only where it is on."""

from typing import Final

from server.domain.registry import ClientAuth
from server.protocol.registration.claims import GRANTS, MAX_NAME, MAX_URI, MAX_URIS
from server.web.openapi.build import (
    Json,
    answer,
    array,
    integer,
    json_body,
    operation,
    record,
    shared,
    text,
    words,
)
from server.web.openapi.schemas import SCOPE, SECONDS

_URIS: Final = array(text(maxLength=MAX_URI), maxItems=MAX_URIS)
_METHODS: Final = words([method.value for method in ClientAuth])
_KEYS: Final[Json] = {"type": "object", "description": "RFC 7517 §5, public keys only."}
_OPTIONAL: Final[Json] = {
    "client_name": text("What people read on the consent page.", maxLength=MAX_NAME),
    "token_endpoint_auth_method": _METHODS,
    "grant_types": array(text()),
    "response_types": array(text()),
    "scope": SCOPE,
    "application_type": words(["web", "native"]),
    "jwks": _KEYS,
    "jwks_uri": text("https."),
    "post_logout_redirect_uris": _URIS,
    "require_pushed_authorization_requests": {"type": "boolean"},
}
_METADATA: Final = record({"redirect_uris": _URIS}, _OPTIONAL, additionalProperties=True)
_INFORMATION: Final = record(
    {
        "client_id": text(),
        "client_id_issued_at": SECONDS,
        "client_name": text(),
        "redirect_uris": _URIS,
        "grant_types": array(words(sorted(grant.value for grant in GRANTS))),
        "response_types": array(text(const="code")),
        "token_endpoint_auth_method": _METHODS,
        "application_type": words(["web", "native"]),
    },
    {
        "scope": text(),
        "post_logout_redirect_uris": _URIS,
        "require_pushed_authorization_requests": {"type": "boolean"},
        "jwks": _KEYS,
        "jwks_uri": text(),
        "client_secret": text("Shown this once."),
        "client_secret_expires_at": integer("Never.", const=0),
        "registration_access_token": text("RFC 7592 §3; not for a public client."),
        "registration_client_uri": text(),
    },
)
_INFORMED: Final = answer("What it is registered as.", _INFORMATION, "Cache-Control")
_REFUSED: Final = shared("400 OAuthError", "401 TokenRefused", "503 Unavailable")
_ID: Final[Json] = {"name": "client_id", "in": "path", "required": True, "schema": text("cli_…")}


def registration_paths() -> Json:
    """Describe the endpoints of clients that register themselves."""
    return {
        "/register": {
            "post": operation(
                "registerClient",
                "RFC 7591 §3: register a client. The same public client gets the same id again.",
                {"201": _INFORMED, **_REFUSED, **shared("429 TooManyWaiting")},
                tag="registration",
                security=("none", "registration_token"),
                requestBody=json_body(_METADATA),
            )
        },
        "/register/{client_id}": {
            "get": _own("readClient", "RFC 7592 §2.1: what it is registered as.", _INFORMED),
            "put": _own(
                "updateClient",
                "RFC 7592 §2.2: replace all of its metadata.",
                _INFORMED,
                requestBody=json_body(
                    record(
                        {"client_id": text(), "redirect_uris": _URIS},
                        {**_OPTIONAL, "client_secret": text("The current one.")},
                        additionalProperties=True,
                    )
                ),
            ),
            "delete": _own(
                "deleteClient",
                "RFC 7592 §2.3: end it with all that it holds.",
                answer("It is no more.", None, "Cache-Control"),
                status="204",
            ),
        },
    }


def _own(name: str, summary: str, good: Json, *, status: str = "200", **more: Json) -> Json:
    return operation(
        name,
        summary,
        {
            status: good,
            **_REFUSED,
            "404": {"description": "No such path.", "content": {"text/plain": {"schema": text()}}},
        },
        tag="registration",
        security=("registration_token",),
        parameters=[_ID],
        **more,
    )
