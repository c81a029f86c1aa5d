"""What a tool, resource or prompt needs: scopes, a relation on objects, and who may come."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mcp_tools.approval import Approval, Wanted

Principal = Literal["delegated", "agent", "user", "agent user", "person"]
"""`delegated`: a user with an agent acting. `agent`: an agent as itself as well.
`user`: a user without an agent as well (X8). `agent user`: any of the three. `person`: a user
without an agent, and nobody else."""

PRINCIPALS: Final = ("delegated", "agent", "user", "agent user", "person")
MAX_OBJECTS: Final = 50
"""Objects of one call, as many as Mandate answers for in one evaluation."""

_TEMPLATE: Final = re.compile(
    r"(?P<type>(?:mandate/)?[a-z][a-z0-9_-]{0,63}):"
    r"(?:\{(?P<argument>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<id>[^\s:#*{}]{1,256}))"
)
# The graph's grammar: an id has no separator of a tuple, no wildcard and nothing invisible.
_ID: Final = re.compile(r"[^\s:#*\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]{1,256}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object of the relationship graph."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class NoSuchObject(ValueError):
    """An argument that cannot name an object; it is refused as an unknown object is."""


@dataclass(frozen=True, slots=True)
class ObjectTemplate:
    """`document:{document_id}` (the id is one argument, whole) or a fixed `folder:root`.

    An id made of several pieces is not possible: two calls could spell one object.
    """

    type: str
    argument: str | None
    fixed_id: str | None

    @classmethod
    def parse(cls, text: str) -> "ObjectTemplate":
        """Read a template; raises `ValueError`."""
        match = _TEMPLATE.fullmatch(text)
        if match is None:
            raise ValueError(f"an object is 'type:{{argument}}' or 'type:id', not {text!r}")
        return cls(match["type"], match["argument"], match["id"])

    def objects(self, arguments: Mapping[str, object]) -> list[ObjectRef]:
        """Name the objects of a call; a list argument names one for each member."""
        if self.argument is None:
            return [ObjectRef(self.type, self.fixed_id or "")]
        value = arguments.get(self.argument)
        members = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        # An empty list would turn "on these objects" into "on no object": scope alone.
        if not members:
            raise NoSuchObject(self.argument)
        return [ObjectRef(self.type, _id(member)) for member in members]


def _id(value: object) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or _ID.fullmatch(text) is None:
        raise NoSuchObject("id")
    return str(text)


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What one guarded tool (resource, prompt, route) needs before it runs."""

    tool: str
    scopes: tuple[str, ...]
    relation: str | None
    templates: tuple[ObjectTemplate, ...]
    principal: Principal
    approval: Approval | None = None

    def __post_init__(self) -> None:
        if not self.scopes or any(_SCOPE.fullmatch(scope) is None for scope in self.scopes):
            raise ValueError("a guard needs at least one scope (RFC 6749 §3.3)")
        if self.principal not in PRINCIPALS:
            raise ValueError(f"principal is one of {', '.join(PRINCIPALS)}")
        if bool(self.relation) != bool(self.templates):
            raise ValueError("relation and object come together")
        if self.approval is not None and self.principal != "delegated":
            # Nobody else has a person who could be asked.
            raise ValueError("a tool with an approval takes delegated calls only")

    def objects(self, arguments: Mapping[str, object]) -> tuple[ObjectRef, ...]:
        """Name the objects that a call acts on, each once; raises `NoSuchObject`."""
        found = [each for template in self.templates for each in template.objects(arguments)]
        named = tuple(dict.fromkeys(found))
        if len(named) > MAX_OBJECTS:
            raise NoSuchObject("too many objects")
        return named

    def fixed_objects(self) -> tuple[ObjectRef, ...]:
        """Name the objects that are known before there are arguments, each once."""
        return tuple(
            dict.fromkeys(
                each
                for template in self.templates
                if template.argument is None
                for each in template.objects({})
            )
        )

    def accepts(self, *, is_agent_itself: bool, has_actor: bool) -> bool:
        """Whether the kind of principal in a token may come at all (X8)."""
        if has_actor:
            return self.principal != "person"
        if self.principal == "person":
            return not is_agent_itself
        return ("agent" if is_agent_itself else "user") in self.principal.split()


@dataclass(frozen=True, slots=True)
class Ask:
    """One question for Mandate, whether this may be called on these objects."""

    rule: ToolRule
    objects: tuple[ObjectRef, ...]
    arguments: Mapping[str, object] | None
    """None if there is no call yet: a list asks what could be called."""
    about: str
    """What the audit calls it: the tool of a call, the method of a list."""
    approval: Wanted | None = None
    """What a person must say yes to first."""
