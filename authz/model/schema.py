"""An authorization model as it was written: values that the parser and the JSON reader make.

A `Schema` is well formed, not yet checked for sense (`validation`) and not yet fit to be asked
(`compiled.Model`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

NOWHERE = (-1, -1)
"""The position of a thing that came from JSON."""

Position: TypeAlias = tuple[int, int]
"""Line and column, both from 0."""


@dataclass(frozen=True, slots=True)
class Direct:
    """Holders are named by tuples of this relation: `[user, group#member]`."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Holders of another relation of the same object: `editor`."""

    relation: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TupleToUserset:
    """Holders of `computed` on each object that `tupleset` names: `viewer from parent`."""

    computed: str
    tupleset: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Union:
    """Holders of any child."""

    children: "tuple[Rewrite, ...]"


@dataclass(frozen=True, slots=True)
class Intersection:
    """Holders of every child."""

    children: "tuple[Rewrite, ...]"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Holders of `base` that do not hold `subtract`: `a but not b`."""

    base: "Rewrite"
    subtract: "Rewrite"


Rewrite: TypeAlias = Direct | Computed | TupleToUserset | Union | Intersection | Exclusion


@dataclass(frozen=True, slots=True)
class Restriction:
    """One entry of a type restriction: `user`, `user:*`, `group#member`, each `with condition`."""

    type: str
    relation: str = ""
    wildcard: bool = False
    condition: str = ""
    at: Position = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        text = self.type
        if self.wildcard:
            text += ":*"
        if self.relation:
            text += f"#{self.relation}"
        return f"{text} with {self.condition}" if self.condition else text


@dataclass(frozen=True, slots=True)
class Origin:
    """Which module of a modular model something belongs to, and the file of it, if known."""

    module: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class RelationDef:
    """`define <name>: <rewrite>` with the restrictions of its direct part.

    It has an origin of its own where a module added it to a type of another file.
    """

    name: str
    rewrite: Rewrite
    restrictions: tuple[Restriction, ...] = ()
    at: Position = field(default=NOWHERE, compare=False)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class TypeDef:
    """A type and its relations, in the order of the text."""

    name: str
    relations: tuple[RelationDef, ...] = ()
    at: Position = field(default=NOWHERE, compare=False)
    source: str = field(default="", compare=False)
    origin: Origin | None = None

    def source_of(self, relation: RelationDef) -> str:
        """Return the name of the text that defines one of its relations."""
        return relation.origin.file if relation.origin else self.source


@dataclass(frozen=True, slots=True)
class ParameterType:
    """The type of a condition's parameter: `int`, `list<string>`; `of` is set for list and map."""

    name: str
    of: str = ""

    def __str__(self) -> str:
        return f"{self.name}<{self.of}>" if self.of else self.name


@dataclass(frozen=True, slots=True)
class ConditionDef:
    """A CEL expression over typed parameters; `body_at` is where the expression begins."""

    name: str
    parameters: Mapping[str, ParameterType]
    expression: str
    at: Position = field(default=NOWHERE, compare=False)
    body_at: Position = field(default=NOWHERE, compare=False)
    source: str = field(default="", compare=False)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole model as written: schema version, types, conditions."""

    version: str
    types: tuple[TypeDef, ...] = ()
    conditions: tuple[ConditionDef, ...] = ()


SUPPORTED_VERSIONS = frozenset({"1.1", "1.2"})
"""Schema versions. 1.2 adds modules, and nothing else."""

PARAMETER_TYPES = frozenset(
    {"bool", "string", "int", "uint", "double", "duration", "timestamp", "ipaddress"}
)
"""Parameter types that the DSL can spell; the JSON form also has `any`."""

CONTAINERS = frozenset({"list", "map"})


def operands(rewrite: Rewrite) -> "tuple[Rewrite, ...]":
    """Return the parts that an operator joins, in order; nothing for a leaf."""
    if isinstance(rewrite, Union | Intersection):
        return rewrite.children
    if isinstance(rewrite, Exclusion):
        return (rewrite.base, rewrite.subtract)
    return ()


def leaves(rewrite: Rewrite) -> "list[Direct | Computed | TupleToUserset]":
    """Return every leaf of a rewrite, left to right."""
    found: list[Direct | Computed | TupleToUserset] = []
    waiting = [rewrite]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Direct | Computed | TupleToUserset):
            found.append(part)
        else:
            waiting.extend(reversed(operands(part)))
    return found


def signed_leaves(
    rewrite: Rewrite, *, gains: bool = True
) -> "list[tuple[Direct | Computed | TupleToUserset, bool]]":
    """Return every leaf, and whether more holders there may mean more of the whole."""
    if isinstance(rewrite, Direct | Computed | TupleToUserset):
        return [(rewrite, gains)]
    if isinstance(rewrite, Exclusion):
        taken = signed_leaves(rewrite.subtract, gains=not gains)
        return [*signed_leaves(rewrite.base, gains=gains), *taken]
    return [leaf for part in operands(rewrite) for leaf in signed_leaves(part, gains=gains)]
