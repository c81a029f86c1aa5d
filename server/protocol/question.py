"""The question of a resource server: an AuthZEN 1.0 request in our profile, one or many.

The subject of our profile is an access token, the action's name is the scopes that the call needs
and its properties say the relation, so that the answer is about this call and nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from authz.dpop import is_thumbprint
from server.delegation.approvals import LONGEST, MAX_SUMMARY
from server.delegation.decision import Call
from server.domain.refusal import Refused, invalid_request
from server.protocol.scopes import parse_scope

MAX_OBJECTS: Final = 50
MAX_EVALUATIONS: Final = 50
MAX_OBJECTS_OF_BATCH: Final = 100
"""Objects of all evaluations of a request: each may need several checks."""
MAX_TEXT: Final = 512
MAX_AGE: Final = 86_400
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""The base64url of 32 bytes, in its one spelling."""
_PRINCIPALS = {"delegated": frozenset[str](), "agent": frozenset({"agent"})}
_PRINCIPALS["user"] = frozenset({"user"})
_PRINCIPALS["person"] = frozenset({"person"})
_DEFAULTS: Final = ("subject", "action", "context")
_OBJECT_KEYS: Final = ("resource", "resources")
STOPS: Final[Mapping[str, bool | None]] = {
    "execute_all": None,
    "deny_on_first_deny": False,
    "permit_on_first_permit": True,
}
"""By semantic: the decision after which no further one is made (AuthZEN 1.0 §7.1.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalWanted:
    """The call needs a person's fresh yes to exactly these arguments."""

    arguments_hash: str
    summary: str
    lasts: int | None
    max_age: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A parsed evaluation request."""

    token: str
    jkt: str | None
    """The key whose proof the resource server has checked for this token (RFC 9449 §7)."""
    call: Call
    tool: str
    request_id: str | None
    approval: ApprovalWanted | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Several questions, each by its own; one that is malformed stands as its refusal."""

    questions: tuple[Question | Refused, ...]
    stops_at: bool | None


def parse(body: Any) -> Question | Refused:
    """Check the shape of an evaluation request (AuthZEN 1.0 §6, our profile)."""
    try:
        subject, action = _record(body["subject"]), _record(body["action"])
        token = _text(subject["id"], 16_384)
        if subject.get("type", "access_token") != "access_token":
            return _malformed("subject.type")
        jkt = proven_key(_record(subject.get("properties", {})))
        scopes = parse_scope(_text(action["name"]))
        properties = _record(action.get("properties", {}))
        principals = frozenset[str]()
        for word in _text(properties.get("principal", "delegated")).split(" "):
            principals |= _PRINCIPALS[word]
        context = _record(body.get("context", {}))
        question = Question(
            token=token,
            jkt=jkt,
            call=Call(
                scopes=scopes if isinstance(scopes, frozenset) else frozenset(),
                relation=_text(properties["relation"], 50) if "relation" in properties else None,
                objects=_objects(body),
                principals=principals,
            ),
            tool=_text(properties.get("tool", "-"), 128),
            request_id=_text(context["request_id"], 128) if "request_id" in context else None,
            approval=_approval(context["approval"]) if "approval" in context else None,
        )
    except (KeyError, TypeError, ValueError):
        return _malformed("body")
    # No scope would be no condition.
    return question if question.call.scopes else _malformed("action.name")


def proven_key(told: Mapping[str, Any]) -> str | None:
    """Return the key of a `cnf` beside a token (RFC 9449 §6.1), none without one.

    Raises `ValueError` or `KeyError` for one that is malformed.
    """
    if "cnf" not in told:
        return None
    confirmation = _record(told["cnf"])
    jkt = _text(confirmation["jkt"])
    if confirmation.keys() != {"jkt"} or not is_thumbprint(jkt):
        raise ValueError
    return jkt


def _objects(body: Mapping[str, Any]) -> tuple[str, ...]:
    listed = body.get("resources", [])
    if type(listed) is not list:
        raise ValueError
    if "resource" in body:
        listed = [*listed, body["resource"]]
    if len(listed) > MAX_OBJECTS:
        raise ValueError
    return tuple(dict.fromkeys(_object(_record(each)) for each in listed))


def _object(named: Mapping[str, Any]) -> str:
    kind, name = _text(named["type"], 254), _text(named["id"], 256)
    # The first colon ends the type: with another one it would be a different object. White space
    # parts objects in the audit, where one object must not look like two.
    if ":" in kind or any(sign.isspace() for sign in kind + name):
        raise ValueError
    return f"{kind}:{name}"


def _approval(value: object) -> ApprovalWanted:
    named = _record(value)
    # A member that we do not know might restrict: what is not heeded must not seem to be.
    if not named.keys() <= {"arguments_hash", "summary", "for", "max_age"}:
        raise ValueError
    arguments_hash = _text(named["arguments_hash"], 43)
    if _HASH.fullmatch(arguments_hash) is None:
        raise ValueError
    return ApprovalWanted(
        arguments_hash=arguments_hash,
        summary=_text(named["summary"], MAX_SUMMARY),
        lasts=_seconds(named["for"], LONGEST) if "for" in named else None,
        max_age=_seconds(named["max_age"], MAX_AGE) if "max_age" in named else None,
    )


def _seconds(value: object, longest: int) -> int:
    if type(value) is not int or not 0 < value <= longest:
        raise ValueError
    return value


def _record(value: object) -> Mapping[str, Any]:
    if type(value) is not dict:
        raise ValueError
    return value


def _text(value: object, longest: int = MAX_TEXT) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise ValueError
    return value


def _malformed(where: str) -> Refused:
    return invalid_request("malformed", f"The request is malformed ({where}).")


def parse_batch(body: Mapping[str, Any]) -> Batch | Refused | None:
    """Check the shape of an evaluations request (AuthZEN 1.0 §7.1); none if it is a single one."""
    listed = body.get("evaluations", [])
    options = body.get("options", {})
    if type(listed) is not list or type(options) is not dict:
        return _malformed("evaluations")
    semantic = options.get("evaluations_semantic", "execute_all")
    if not isinstance(semantic, str) or semantic not in STOPS:
        return _malformed("options.evaluations_semantic")
    if not listed:
        return None
    if len(listed) > MAX_EVALUATIONS:
        return _malformed("evaluations: too many")
    questions = tuple(parse(_with_defaults(body, each)) for each in listed)
    objects = sum(len(q.call.objects) for q in questions if isinstance(q, Question))
    if objects > MAX_OBJECTS_OF_BATCH:
        return _malformed("evaluations: too many resources")
    return Batch(questions, STOPS[semantic])


def _with_defaults(body: Mapping[str, Any], one: object) -> object:
    """Fill in what an evaluation leaves out (AuthZEN 1.0 §7.1.1); its own keys win whole."""
    if type(one) is not dict:
        return one
    if one.get("resources") == [] and any(key in body for key in _OBJECT_KEYS):
        return None  # an empty list is no way to ask about no object where there are some
    defaults = list(_DEFAULTS)
    # The two ways to name objects are one field: an own object never joins the common ones.
    if not any(key in one for key in _OBJECT_KEYS):
        defaults += _OBJECT_KEYS
    return {**{key: body[key] for key in defaults if key in body}, **one}
