"""The endpoints of OAuth that answer in JSON: token, introspection, revocation, PAR, and ours."""

from typing import Final

from server.domain.registry import ClientAuth, GrantType
from server.protocol.client_assertion import ASSERTION_TYPE
from server.protocol.grants.subject import ACCESS_TOKEN, ID_TOKEN
from server.protocol.id_jag import ID_JAG_TOKEN
from server.web.openapi.browser_routes import AUTHORIZATION
from server.web.openapi.build import (
    JSON,
    Json,
    answer,
    array,
    form,
    form_body,
    integer,
    operation,
    record,
    ref,
    shared,
    text,
    words,
)
from server.web.openapi.schemas import ASKED_DETAILS, GRANT_ID, JWT, SCOPE, SECONDS, URI

CLIENT: Final[Json] = {
    "client_id": text("Of a client that sends no Authorization header."),
    "client_secret": text("client_secret_post."),
    "client_assertion": text("private_key_jwt (RFC 7523 §2.2): its aud is the issuer."),
    "client_assertion_type": text(const=ASSERTION_TYPE),
}
"""How a client authenticates with parameters: one method a request (RFC 6749 §2.3)."""

BY_CLIENT: Final = (ClientAuth.BASIC.value, "none")
_REFUSED: Final = shared("400 OAuthError", "401 ClientRefused", "503 Unavailable")
_TARGETS: Final = array(URI, description="Repeatable; exactly one target (RFC 8707 §2).")
_DETAILS: Final = text(
    "A JSON array (RFC 9396 §6) that narrows what is handed on.",
    contentMediaType="application/json",
    contentSchema=ASKED_DETAILS,
)
_SUBJECT_TYPES: Final = words([ACCESS_TOKEN, ID_TOKEN])

GRANTS: Final[Json] = {
    GrantType.AUTHORIZATION_CODE.value: form(
        {
            "code": text(),
            "code_verifier": text("RFC 7636 §4.1.", pattern="^[A-Za-z0-9._~-]{43,128}$"),
        },
        {
            "redirect_uri": text("As in the authorization request, if it was there."),
            "resource": _TARGETS,
            "scope": SCOPE,
        },
    ),
    GrantType.REFRESH_TOKEN.value: form(
        {"refresh_token": text()}, {"scope": SCOPE, "resource": _TARGETS}
    ),
    GrantType.CLIENT_CREDENTIALS.value: form(
        {}, {"scope": SCOPE, "resource": _TARGETS, "audience": _TARGETS}
    ),
    GrantType.TOKEN_EXCHANGE.value: form(
        {"subject_token": JWT, "subject_token_type": _SUBJECT_TYPES},
        {
            "actor_token": text("The agent's own token, from client_credentials."),
            "actor_token_type": text(const=ACCESS_TOKEN),
            "requested_token_type": words([ACCESS_TOKEN, ID_JAG_TOKEN]),
            "resource": _TARGETS,
            "audience": array(text("A resource or an agent's URI.")),
            "scope": SCOPE,
            "grant_id": GRANT_ID,
            "authorization_details": _DETAILS,
        },
    ),
    GrantType.JWT_BEARER.value: form(
        {"assertion": text("Of a trusted issuer (RFC 7523 §2.1): its aud is the issuer.")},
        {"scope": SCOPE, "resource": _TARGETS, "audience": _TARGETS},
    ),
}
"""The parameters of each grant, besides `grant_type` and the client's own."""


def _grant(name: str) -> Json:
    schema: Json = GRANTS[name]
    return {
        **schema,
        "title": name,
        "required": ["grant_type", *schema.get("required", ())],
        "properties": {"grant_type": text(const=name), **schema["properties"], **CLIENT},
    }


def _presented(operation_id: str, summary: str, responses: Json) -> Json:
    return operation(
        operation_id,
        summary,
        responses,
        tag="tokens",
        security=BY_CLIENT,
        requestBody=form_body(
            form(
                {"token": text(minLength=1)},
                {"token_type_hint": text("Ignored: a token says what it is."), **CLIENT},
            )
        ),
    )


TOKEN: Final = operation(
    "token",
    "RFC 6749 §3.2, RFC 8693: get an access token.",
    {"200": answer("A token.", ref("TokenAnswer"), "Cache-Control"), **_REFUSED},
    tag="tokens",
    security=BY_CLIENT,
    requestBody=form_body({"oneOf": [_grant(name) for name in GRANTS]}),
)
INTROSPECT: Final = _presented(
    "introspect",
    "RFC 7662: whether a token is alive, for the resource or client that it concerns.",
    {"200": answer("The state.", ref("Introspection"), "Cache-Control"), **_REFUSED},
)
REVOKE: Final = _presented(
    "revoke",
    "RFC 7009: give a token back, and what was minted from it.",
    {"200": answer("It is no good any more, if it was.", None, "Cache-Control"), **_REFUSED},
)
PAR: Final = operation(
    "pushAuthorizationRequest",
    "RFC 9126: push an authorization request.",
    {
        "201": answer(
            "Stored, for one use.",
            record(
                {
                    "request_uri": text(pattern="^urn:ietf:params:oauth:request_uri:"),
                    "expires_in": integer("Seconds.", minimum=1),
                }
            ),
            "Cache-Control",
        ),
        **_REFUSED,
        **shared("429 TooManyWaiting"),
    },
    tag="authorization",
    security=BY_CLIENT,
    requestBody=form_body(
        form(
            {name: schema for name, schema in AUTHORIZATION.items() if name == "response_type"},
            {name: schema for name, schema in AUTHORIZATION.items() if name != "response_type"}
            | CLIENT,
        )
    ),
)
_BEARER: Final = shared("400 TokenRefused", "401 TokenRefused", "503 Unavailable")


def userinfo(method: str) -> Json:
    """Describe userinfo for GET or POST (OIDC Core §5.3.1)."""
    return operation(
        f"{method}Userinfo",
        "OIDC Core §5.3: claims about the signed-in person.",
        {
            "200": answer(
                "The claims that the scope covers.",
                record(
                    {"sub": text("usr_…")},
                    {
                        "name": text(),
                        "email": text(),
                        "email_verified": {"type": "boolean"},
                    },
                ),
                "Cache-Control",
            ),
            **_BEARER,
            **shared("403 TokenRefused"),
        },
        tag="tokens",
        security=("access_token",),
    )


GRANT: Final = operation(
    "grant",
    "What an agent holds, told to that agent: it comes with its own token.",
    {
        "200": answer(
            "The delegation as it is in force.",
            record(
                {
                    "grant_id": GRANT_ID,
                    "status": text(const="active"),
                    "authorization_details": array(ref("AuthorizationDetail")),
                    "purpose": text(),
                    "expires_at": SECONDS,
                    "agents": array(text("Whom it may hand work to (agt_…).")),
                    "max_depth": integer("Hops that may follow.", minimum=0),
                    "act": array(text(), description="The chain, the current agent first."),
                }
            ),
            "Cache-Control",
        ),
        **_BEARER,
        "404": {
            "description": "No such grant, or not this agent's.",
            "content": {JSON: {"schema": ref("Error")}, "text/plain": {"schema": text()}},
        },
    },
    tag="tokens",
    security=("access_token",),
    parameters=[{"name": "grant_id", "in": "path", "required": True, "schema": text("dlg_…")}],
)
