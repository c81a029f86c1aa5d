"""The schemas, shared answers and security schemes of the OpenAPI document."""

from typing import Final

from authz.decision import Advice, Reason
from server.domain.registry import ClientAuth
from server.protocol.authorization_details import MAX_AGENTS, MAX_ELEMENTS, MAX_LIST, MAX_TEXT
from server.web.openapi.build import Json, answer, array, integer, record, ref, text, words
from server.web.openapi.reasons import ERRORS, EVERY

URI: Final = text("An absolute URI without a fragment (RFC 8707 §2).", format="uri")
SCOPE: Final = text(
    "Scope names, parted by single spaces (RFC 6749 §3.3).",
    pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$",
)
SECONDS: Final = integer("Seconds since 1970 (RFC 7519 §2, NumericDate).", minimum=0)
GRANT_ID: Final = text("A delegation (dlg_…).")
JWT: Final = text("A compact JWS (RFC 7515 §7.1).")
REASON: Final = words([reason.value for reason in Reason], "Why, in one word.")

ACTOR: Final = record(
    {"sub": text("The acting agent (agt_…), the current one outermost (RFC 8693 §4.1).")},
    {"act": ref("Actor")},
)
DETAIL: Final = record(
    {
        "type": text(const="mandate"),
        "resource": URI,
        "scopes": array(text()),
        "objects": array(text("type:id")),
    }
)
ASKED_DETAILS: Final = array(
    record(
        {
            "type": text(const="mandate"),
            "resource": text(minLength=1, maxLength=MAX_TEXT),
            "scopes": array(text(minLength=1), minItems=1, maxItems=MAX_LIST),
        },
        {
            "objects": array(text("type:id", minLength=1), minItems=1, maxItems=MAX_LIST),
            "agents": array(text("agt_…", minLength=1), minItems=1, maxItems=MAX_AGENTS),
            "max_depth": integer("Hops that may follow.", minimum=0, maximum=MAX_LIST),
        },
    ),
    minItems=1,
    maxItems=MAX_ELEMENTS,
    description="RFC 9396 §2, one type: mandate.",
)

_ERROR: Final = record(
    {
        "error": words(ERRORS, "RFC 6749 §5.2, RFC 8707 §2, RFC 9396 §5, RFC 6750 §3.1."),
        "error_description": text("A sentence for a developer."),
        "reason": words(EVERY, "A closed list, for programs."),
        "action": words([advice.value for advice in Advice], "What helps."),
    }
)
_TOKEN: Final = record(
    {
        "access_token": JWT,
        "token_type": words(["Bearer", "N_A"]),
        "expires_in": integer("Seconds.", minimum=0),
        "scope": text("What was granted; may be empty."),
    },
    {
        "issued_token_type": words(
            [
                "urn:ietf:params:oauth:token-type:access_token",
                "urn:ietf:params:oauth:token-type:id-jag",
            ]
        ),
        "id_token": JWT,
        "refresh_token": text(),
        "grant_id": GRANT_ID,
        "authorization_details": array(ref("AuthorizationDetail"), minItems=1),
    },
)
_INTROSPECTION: Final = {
    "oneOf": [
        record({"active": {"type": "boolean", "const": False}}),
        record(
            {
                "active": {"type": "boolean", "const": True},
                "iss": URI,
                "sub": text(),
                "client_id": text(),
                "scope": text(),
                "iat": SECONDS,
                "exp": SECONDS,
            },
            {
                "aud": text("The one audience."),
                "token_type": text(const="Bearer"),
                "jti": text(),
                "act": ref("Actor"),
                "may_act": record({"sub": text("The agent that may exchange it.")}),
                "grant_id": GRANT_ID,
                "authorization_details": array(ref("AuthorizationDetail"), minItems=1),
                "sid": text(),
            },
        ),
    ]
}
_DECISION: Final = record(
    {
        "decision": {"type": "boolean"},
        "context": record(
            {"evaluation_id": text("The row of the audit trail (aud_…).")},
            {
                "reason": REASON,
                "action": words([advice.value for advice in Advice]),
                "sub": text("The user, or an agent as itself."),
                "client_id": text(),
                "act": array(text(), description="Every agent, the current one first."),
                "grant_id": GRANT_ID,
                "exp": SECONDS,
                "objects": array(
                    record(
                        {"type": text(), "id": text(), "decision": {"type": "boolean"}},
                        {"reason": REASON},
                    ),
                ),
            },
        ),
    }
)
_JWK: Final = record(
    {
        "kty": words(["EC", "OKP", "RSA"]),
        "kid": text(),
        "use": text(const="sig"),
        "alg": words(["ES256", "EdDSA", "RS256"]),
    },
    {"crv": words(["P-256", "Ed25519"])}
    | {name: text(pattern="^[A-Za-z0-9_-]+$") for name in ("x", "y", "n", "e")},
)

SCHEMAS: Final[Json] = {
    "Error": _ERROR,
    "TokenAnswer": _TOKEN,
    "Introspection": _INTROSPECTION,
    "Decision": _DECISION,
    "Actor": ACTOR,
    "AuthorizationDetail": DETAIL,
    "KeySet": record({"keys": array(_JWK, minItems=1)}),
}

HEADERS: Final[Json] = {
    "Cache-Control": {
        "required": True, "schema": text(const="no-store"), "description": "RFC 6749 §5.1.",
    },
    "WWW-Authenticate": {"required": False, "schema": text(), "description": "RFC 9110 §11.6.1."},
    "Bearer": {"required": True, "schema": text(pattern="^Bearer")},
    "Location": {"required": True, "schema": text(), "description": "Where the browser goes."},
    "Retry-After": {"required": True, "schema": text(pattern="^[0-9]+$")},
    "Allow": {"required": True, "schema": text()},
    "ETag": {"required": True, "schema": text()},
}  # fmt: skip

RESPONSES: Final[Json] = {
    "OAuthError": answer("The request is refused.", ref("Error"), "Cache-Control"),
    "ClientRefused": answer(
        "The client did not authenticate.", ref("Error"), "Cache-Control", "WWW-Authenticate"
    ),
    "TokenRefused": {
        **answer("The access token is not acceptable here.", ref("Error"), "Cache-Control"),
        "headers": {
            "Cache-Control": {"$ref": "#/components/headers/Cache-Control"},
            "WWW-Authenticate": {"$ref": "#/components/headers/Bearer"},
        },
    },
    "Refused": answer("Not for this caller, or not there.", ref("Error"), "Cache-Control"),
    "Unavailable": answer(
        "Nothing can be decided now.", ref("Error"), "Cache-Control", "Retry-After"
    ),
    "TooManyWaiting": answer(
        "As much waits as may: try again later.", ref("Error"), "Cache-Control", "Retry-After"
    ),
    "MethodNotAllowed": answer(
        "Not by this method.", text(), "Allow", media_type="text/plain"
    ),
    "Page": answer("A page that tells the person.", text(), media_type="text/html"),
    "PageOrTooLong": {
        "description": "A page that tells the person; plain text if URL and headers are too long.",
        "content": {"text/html": {"schema": text()}, "text/plain": {"schema": text()}},
    },
    "LaterPage": answer(
        "A page that asks to come back.", text(), "Retry-After", media_type="text/html"
    ),
}  # fmt: skip

SECURITY: Final[Json] = {
    ClientAuth.BASIC.value: {
        "type": "http", "scheme": "basic",
        "description": "RFC 6749 §2.3.1: the id and the secret of the client, each form-encoded.",
    },
    "access_token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "An access token whose audience is this server (RFC 9068).",
    },
    "graph_token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "An agent's own access token whose audience is the issuer with /authz.",
    },
}  # fmt: skip
"""`client_secret_post`, `private_key_jwt` and `none` are parameters of the forms."""
