"""The calls of a resource server, and the documents and probes that anybody may read."""

from typing import Final

from server.delegation.approvals import LONGEST, MAX_SUMMARY
from server.domain.registry import ClientAuth
from server.protocol.question import (
    MAX_AGE,
    MAX_EVALUATIONS,
    MAX_OBJECTS,
    MAX_TEXT,
    STOPS,
)
from server.protocol.relations_api import MAX_LABEL, MAX_TUPLES
from server.signals.readiness import State
from server.web.openapi.build import (
    JSON,
    Json,
    answer,
    array,
    integer,
    json_body,
    operation,
    record,
    ref,
    shared,
    text,
    words,
)
from server.web.openapi.schemas import APPROVAL, CNF, JWT, PROOF

REFUSED: Final = shared("400 OAuthError", "401 ClientRefused", "403 Refused", "503 Unavailable")
OBJECT: Final = record(
    {
        "type": text(minLength=1, maxLength=254, pattern=r"^[^\s:]+$"),
        "id": text(minLength=1, maxLength=256, pattern=r"^\S+$"),
    },
    additionalProperties=True,
)
_PROPERTIES: Final = record(
    {},
    {
        "relation": text("Needed where an object is given.", minLength=1, maxLength=50),
        "tool": text("For the audit.", minLength=1, maxLength=128),
        "principal": text(
            "Whom the tool accepts, by spaces; an agent for a user always, but for `person`.",
            pattern="^(delegated|agent|user|person)( (delegated|agent|user|person))*$",
        ),
    },
    additionalProperties=True,
)
SUBJECT: Final = record(
    {"id": {**JWT, "minLength": 1, "maxLength": 16_384}},
    {
        "type": text(const="access_token"),
        "properties": record(
            {},
            {"cnf": CNF},
            additionalProperties=True,
            description="Needed of a bound token: the key whose proof the caller has checked.",
        ),
    },
    additionalProperties=True,
)
ACTION: Final = record(
    {
        "name": text(
            "The scopes needed, all of them, parted by spaces.",
            minLength=1,
            maxLength=MAX_TEXT,
            pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$",
        )
    },
    {"properties": _PROPERTIES},
    additionalProperties=True,
)
CONTEXT: Final = record(
    {},
    {
        "request_id": text(minLength=1, maxLength=128),
        "approval": record(
            {
                "arguments_hash": text(
                    "base64url of SHA-256 over the canonical JSON of tool and arguments.",
                    pattern="^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$",
                ),
                "summary": text("Shown as your words.", minLength=1, maxLength=MAX_SUMMARY),
            },
            {
                "for": integer(
                    "Seconds that the question waits and a yes is good.",
                    minimum=1,
                    maximum=LONGEST,
                ),
                "max_age": integer(
                    "Seconds since sign-in at most, for a yes.", minimum=1, maximum=MAX_AGE
                ),
            },
            description="The call needs a person's fresh yes. Only a single evaluation asks for"
            " one or uses it up; in a batch it is a denial.",
        ),
    },
    additionalProperties=True,
)
_PARTS: Final = (
    {"subject": SUBJECT, "action": ACTION},
    {
        "resource": OBJECT,
        "resources": array(OBJECT, maxItems=MAX_OBJECTS),
        "context": CONTEXT,
    },
)
_QUESTION: Final = record(*_PARTS, additionalProperties=True)
_QUESTIONS: Final = {
    "anyOf": [
        _QUESTION,
        record(
            {
                "evaluations": array(
                    {
                        "description": "As a single request, without what the top has. One that"
                        " cannot be read is a denial, and no reason to refuse the others."
                    },
                    minItems=1,
                    maxItems=MAX_EVALUATIONS,
                )
            },
            {
                "options": record(
                    {},
                    {"evaluations_semantic": words(list(STOPS))},
                    additionalProperties=True,
                ),
            },
            additionalProperties=True,
        ),
    ]
}
_ONE_OF_SEVERAL: Final = {
    "anyOf": [
        ref("Decision"),
        record(
            {
                "decision": {"type": "boolean", "const": False},
                "context": record(
                    {
                        "reason": text(const="malformed"),
                        "error": record({"status": integer("As of HTTP."), "message": text()}),
                    }
                ),
            },
            description="This one of several could not be read.",
        ),
    ]
}
_TUPLE: Final = record(
    {name: text(minLength=1, maxLength=512) for name in ("user", "relation", "object")}
)
_WRITING: Final = record(
    {},
    {
        "writes": array(_TUPLE, maxItems=MAX_TUPLES),
        "deletes": array(_TUPLE, maxItems=MAX_TUPLES),
        "labels": {
            "type": "object",
            "maxProperties": MAX_TUPLES,
            "propertyNames": {"pattern": ":"},
            "additionalProperties": text(minLength=1, maxLength=MAX_LABEL),
            "description": "What people read of an object (type:id).",
        },
        "token": text("The access token on whose behalf tuples are written."),
        "cnf": CNF,
    },
    minProperties=1,
)

EVALUATION: Final = operation(
    "evaluate",
    "Decide on a call with a token whose audience is the caller's resource (AuthZEN 1.0 profile).",
    {"200": answer("The decision.", ref("Decision"), "Cache-Control"), **REFUSED},
    tag="access",
    security=(ClientAuth.BASIC.value,),
    requestBody=json_body(_QUESTION),
)
EVALUATIONS: Final = operation(
    "evaluateSeveral",
    "Decide on several calls in their order (AuthZEN 1.0 §7); what one leaves out, all share.",
    {
        "200": answer(
            "A decision for each; fewer where the semantic stops early.",
            {"anyOf": [ref("Decision"), record({"evaluations": array(_ONE_OF_SEVERAL)})]},
            "Cache-Control",
        ),
        **REFUSED,
    },
    tag="access",
    security=(ClientAuth.BASIC.value,),
    requestBody=json_body(_QUESTIONS),
)
RELATIONS: Final = operation(
    "writeRelations",
    "Write relationship tuples of the object types of the caller's resource.",
    {
        "200": answer(
            "Written.",
            record({"revision": text("Of the store.", pattern="^[0-9]+$")}),
            "Cache-Control",
        ),
        **REFUSED,
    },
    tag="access",
    security=(ClientAuth.BASIC.value,),
    requestBody=json_body(_WRITING),
)
APPROVAL_STATE: Final = operation(
    "approval",
    "How an approval stands, told to the agent that asked: it comes with its own token.",
    {
        "200": answer(
            "As it stands now.", {**APPROVAL, "required": ["id", "kind", "status"]}, "Cache-Control"
        ),
        **shared("400 TokenRefused", "401 TokenRefused", "503 Unavailable"),
        "404": {
            "description": "No such approval, or not this agent's.",
            "content": {JSON: {"schema": ref("Error")}, "text/plain": {"schema": text()}},
        },
    },
    tag="access",
    security=("access_token",),
    parameters=[
        {"name": "approval_id", "in": "path", "required": True, "schema": text("apv_…")},
        PROOF,
    ],
)
_PUBLIC: Final = {"type": "object", "required": ["issuer", "authorization_endpoint"]}


def metadata(operation_id: str) -> Json:
    """Describe one of the addresses of the metadata (RFC 8414 §3, OIDC Discovery §4)."""
    return operation(
        operation_id,
        "RFC 8414, OIDC Discovery: what this server is and can.",
        {"200": answer("The metadata.", _PUBLIC)},
        tag="documents",
    )


DECISION_POINT: Final = operation(
    "authzenMetadata",
    "AuthZEN 1.0 §9: what this server offers as a policy decision point.",
    {
        "200": answer(
            "The metadata.",
            {
                "type": "object",
                "required": ["policy_decision_point", "access_evaluation_endpoint"],
            },
        )
    },
    tag="documents",
)
JWKS: Final = operation(
    "jwks",
    "RFC 7517 §5: the public keys.",
    {
        "200": answer("The keys.", ref("KeySet"), "ETag", media_type="application/jwk-set+json"),
        "304": answer("As before.", None, "ETag"),
        "503": answer("Not now.", ref("Error")),
    },
    tag="documents",
)
DESCRIPTION: Final = operation(
    "openapi",
    "This document.",
    {"200": answer("OpenAPI 3.1.", {"type": "object", "required": ["openapi", "paths"]})},
    tag="documents",
)
HEALTHZ: Final = operation(
    "healthz",
    "The process answers.",
    {"200": answer("Alive.", record({"status": text(const="alive")}), "Cache-Control")},
    tag="probes",
)
READYZ: Final = operation(
    "readyz",
    "It can do its work; else one word why not.",
    {
        "200": answer("Ready.", record({"status": text(const="ready")}), "Cache-Control"),
        "503": answer(
            "Not ready.",
            record({"status": words([s.value for s in State if s is not State.READY])}),
            "Cache-Control",
        ),
    },
    tag="probes",
)
