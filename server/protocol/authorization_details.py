"""RFC 9396 §2: reads `authorization_details`, of which we know one type, `mandate`.

An element of type `mandate` asks for `scopes` at one `resource`, on `objects` (graph objects such
as `folder:7`; left out: those that the user picks). `agents` names agents that the delegate wants
to hand work to (X4) and `max_depth` how many hops may follow; without it, one if `agents` is there.
"""

from dataclasses import dataclass
from typing import Any, Final

from authz.jose.errors import InvalidToken
from authz.jose.strict_json import parse_object
from server.domain.delegation import Detail
from server.domain.refusal import Refused

TYPE: Final = "mandate"
MAX_CHARS: Final = 16 * 1024
MAX_ELEMENTS: Final = 10
MAX_LIST: Final = 50
MAX_AGENTS: Final = 20
MAX_TEXT: Final = 512
_FIELDS: Final = frozenset({"type", "resource", "scopes", "objects", "agents", "max_depth"})


@dataclass(frozen=True, slots=True)
class AskedDetails:
    """What the elements ask for together; names are well formed, not yet known to exist."""

    details: tuple[Detail, ...] = ()
    agents: tuple[str, ...] = ()
    max_depth: int = 0


def parse_authorization_details(text: str) -> AskedDetails | Refused:
    """Read the parameter; refuse what is not exactly understood (RFC 9396 §5)."""
    if len(text) > MAX_CHARS:
        return invalid_details("too_large", "authorization_details is too large.")
    try:
        # Wrapped, so that the one strict JSON reader of the house also reads an array.
        document = parse_object(b'{"a":' + text.encode() + b"}")
    except (InvalidToken, UnicodeEncodeError):
        return invalid_details("malformed", "authorization_details is no valid JSON.")
    elements = document["a"]
    if len(document) != 1 or type(elements) is not list or not 0 < len(elements) <= MAX_ELEMENTS:
        return invalid_details("malformed", "authorization_details is a JSON array of objects.")
    details: list[Detail] = []
    agents: list[str] = []
    depth = 0
    for element in elements:
        refused = _fault(element)
        if refused is not None:
            return refused
        named = element.get("agents", [])
        details.append(
            Detail(
                resource=element["resource"],
                scopes=frozenset(element["scopes"]),
                objects=tuple(element.get("objects", ())),
            )
        )
        agents += [agent for agent in named if agent not in agents]
        depth = max(depth, element.get("max_depth", 1 if named else 0))
    if len(agents) > MAX_AGENTS:
        return invalid_details("agents", "Too many agents are named.")
    if depth and not agents:
        return invalid_details("depth_without_agents", "max_depth needs agents.")
    return AskedDetails(tuple(details), tuple(agents), depth)


def _fault(element: Any) -> Refused | None:
    if type(element) is not dict or type(element.get("type")) is not str:
        return invalid_details("malformed", "Each element is an object with a type.")
    if element["type"] != TYPE:
        return invalid_details("unknown_type", "The only known type is mandate.")
    if not element.keys() <= _FIELDS:
        return invalid_details("unknown_field", "An element has an unknown field.")
    if not _text(element.get("resource")):
        return invalid_details("resource", "resource is the URI of a resource.")
    if not _texts(element.get("scopes")):
        return invalid_details("scopes", "scopes is an array of scope names.")
    for name in ("objects", "agents"):
        # An empty list would ask for nothing and could be read as asking for anything.
        if name in element and not _texts(element[name]):
            return invalid_details(name, f"{name} is an array of identifiers, or left out.")
    depth = element.get("max_depth", 0)
    if type(depth) is not int or not 0 <= depth <= MAX_LIST:
        return invalid_details("max_depth", "max_depth is a small number.")
    return None


def _text(value: object) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_TEXT and value.isprintable()


def _texts(value: object) -> bool:
    return (
        type(value) is list
        and 0 < len(value) <= MAX_LIST
        and all(_text(item) for item in value)
        and len(set(value)) == len(value)
    )


def invalid_details(reason: str, description: str) -> Refused:
    """Refuse the parameter (RFC 9396 §5)."""
    return Refused(
        error="invalid_authorization_details",
        reason=f"authorization_details_{reason}",
        description=description,
    )
