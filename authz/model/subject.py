"""Objects and users as texts: `document:42`, `user:anne`, `user:*`, `group:eng#member`."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from authz.errors import CheckError, MalformedType

# Stricter than OpenFGA, which knows the blanks of ASCII only: no blank of Unicode is in a name.
_APART = r"\s\x00-\x1f\x7f-\x9f\ud800-\udfff"
_TYPE = rf"[^:#@*{_APART}]{{1,254}}"
_OBJECT = re.compile(rf"({_TYPE}):([^:#{_APART}]+)")
_USER = re.compile(rf"({_TYPE}):([^:#{_APART}]+)(?:#([^:#@{_APART}]{{1,50}}))?")
_RELATION = re.compile(rf"[^:#@{_APART}]{{1,50}}")
_TYPE_FORM = re.compile(r"[^:#@\s\ud800-\udfff]{1,254}", re.ASCII)
_OBJECT_FORM = re.compile(r"[^\s\ud800-\udfff]{2,256}", re.ASCII)
_RELATION_FORM = re.compile(r"[^:#@\s\ud800-\udfff]{1,50}", re.ASCII)
MAX_OBJECT = 256
MAX_USER = 512
_SHOWN = 80

WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who holds a relation: an object, everyone of a type (`*`), or the holders of a relation."""

    type: str
    id: str
    relation: str = ""

    def __str__(self) -> str:
        name = f"{self.type}:{self.id}"
        return f"{name}#{self.relation}" if self.relation else name


@dataclass(frozen=True, slots=True)
class TupleKey:
    """One stored relationship, without its condition."""

    object_type: str
    object_id: str
    relation: str
    user_type: str
    user_id: str
    user_relation: str

    @property
    def user(self) -> str:
        return str(Subject(self.user_type, self.user_id, self.user_relation))

    @property
    def object(self) -> str:
        return f"{self.object_type}:{self.object_id}"

    def __str__(self) -> str:
        return f"{self.object}#{self.relation}@{self.user}"


@dataclass(frozen=True, slots=True)
class RelationTuple:
    """A relationship as people write it, with the condition under which it counts."""

    user: str
    relation: str
    object: str
    condition: str = ""
    context: dict[str, Any] | None = None


@lru_cache(maxsize=8192)
def parse_object(text: str) -> tuple[str, str]:
    """Split `type:id`. Raises CheckError (2000) for anything else, a wildcard included."""
    found = _OBJECT.fullmatch(text) if len(text) <= MAX_OBJECT else None
    if found is None or found[2] == WILDCARD:
        raise CheckError(f"{shown(text)} is not an object such as document:42")
    return found[1], found[2]


@lru_cache(maxsize=8192)
def parse_user(text: str) -> Subject:
    """Read a user: an object, a typed wildcard or a userset. Raises CheckError (2000)."""
    found = _USER.fullmatch(text) if len(text) <= MAX_USER else None
    if found is None or (found[3] and WILDCARD in found[2]):
        raise CheckError(f"{shown(text)} is not a user such as user:anne or group:eng#member")
    return Subject(found[1], found[2], found[3] or "")


def parse_relation(text: str) -> str:
    """Return a well-formed relation name. Raises CheckError (2000)."""
    if not _RELATION.fullmatch(text):
        raise CheckError(f"{shown(text)} is not a relation")
    return text


def check_type_form(text: str) -> None:
    """Refuse a text that is no type of any model. Raises MalformedType (2047)."""
    if not _TYPE_FORM.fullmatch(text):
        raise MalformedType(f"{shown(text)} is not a type")


def check_relation_form(text: str) -> None:
    """Refuse a text that is no relation of any model. Raises CheckError (2000)."""
    if not _RELATION_FORM.fullmatch(text):
        raise CheckError(f"{shown(text)} is not a relation")


def check_form(user: str, relation: str, object: str) -> None:
    """Refuse texts that are no part of any tuple, before a model is looked at.

    Raises CheckError (2000). An empty text is well formed here: no model admits it.
    """
    if relation:
        check_relation_form(relation)
    if object and not _OBJECT_FORM.fullmatch(object):
        raise CheckError(f"{shown(object)} is not an object")
    if user:
        check_user_form(user)


def check_user_form(user: str) -> None:
    """Refuse a text that is no user of any model. Raises CheckError (2000)."""
    if not 1 <= len(user.encode("utf-8", "surrogatepass")) <= MAX_USER:
        raise CheckError(f"{shown(user)} has not 1 to {MAX_USER} bytes")


def parse_key(user: str, relation: str, object: str) -> TupleKey:
    """Split the three texts of a tuple. Raises CheckError (2000)."""
    object_type, object_id = parse_object(object)
    holder = parse_user(user)
    return TupleKey(
        object_type, object_id, parse_relation(relation), holder.type, holder.id, holder.relation
    )


def shown(text: str) -> str:
    """Quote a stranger's text in a message: short, printable."""
    return ascii(text[:_SHOWN])
