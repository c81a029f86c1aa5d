"""Which kinds of users could hold a relation, whatever tuples there are.

What cannot be reached is not read, and is false even where a condition on the way would fail.
"""

from collections.abc import Mapping
from typing import TypeAlias

from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    RelationDef,
    Rewrite,
    TupleToUserset,
    Union,
    leaves,
    operands,
)

UserKey: TypeAlias = tuple[str, str]
"""A type and a relation of it; the relation is empty for plain users and for wildcards."""

Relations: TypeAlias = Mapping[tuple[str, str], RelationDef]


def user_keys(relations: Relations) -> dict[tuple[str, str], frozenset[UserKey]]:
    """Return, for each relation, the kinds of users for which a path exists."""
    known: dict[tuple[str, str], frozenset[UserKey]] = {key: frozenset({key}) for key in relations}
    growing = True
    while growing:
        growing = False
        for key, definition in relations.items():
            found = known[key] | _keys(key[0], definition, definition.rewrite, relations, known)
            if found != known[key]:
                known[key] = found
                growing = True
    return known


def _keys(
    type_name: str,
    definition: RelationDef,
    rewrite: Rewrite,
    relations: Relations,
    known: Mapping[tuple[str, str], frozenset[UserKey]],
) -> frozenset[UserKey]:
    found: set[UserKey] = set()
    if isinstance(rewrite, Direct):
        for restriction in definition.restrictions:
            found.add((restriction.type, restriction.relation))
            if restriction.relation:
                found |= known[restriction.type, restriction.relation]
    elif isinstance(rewrite, Computed):
        found |= known[type_name, rewrite.relation]
    elif isinstance(rewrite, TupleToUserset):
        for restriction in relations[type_name, rewrite.tupleset].restrictions:
            found |= known.get((restriction.type, rewrite.computed), frozenset())
    elif isinstance(rewrite, Exclusion):
        return _keys(type_name, definition, rewrite.base, relations, known)
    else:
        parts = [_keys(type_name, definition, part, relations, known) for part in operands(rewrite)]
        if isinstance(rewrite, Intersection):
            return frozenset.intersection(*parts)
        found.update(*parts)
    return frozenset(found)


def impure_relations(relations: Relations) -> frozenset[tuple[str, str]]:
    """Return the relations whose answer is more than "some path of tuples exists"."""
    impure = {key for key, definition in relations.items() if not _unions_only(definition.rewrite)}
    growing = bool(impure)
    while growing:
        growing = False
        for key, definition in relations.items():
            if key not in impure and any(
                following in impure for following in _next(key, definition, relations)
            ):
                impure.add(key)
                growing = True
    return frozenset(impure)


def _unions_only(rewrite: Rewrite) -> bool:
    if isinstance(rewrite, Union):
        return all(map(_unions_only, rewrite.children))
    return not isinstance(rewrite, Intersection | Exclusion)


def _next(
    key: tuple[str, str], definition: RelationDef, relations: Relations
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for leaf in leaves(definition.rewrite):
        if isinstance(leaf, Computed):
            found.append((key[0], leaf.relation))
        elif isinstance(leaf, TupleToUserset):
            tupleset = relations[key[0], leaf.tupleset]
            found += [(r.type, leaf.computed) for r in tupleset.restrictions]
        else:
            found += [(r.type, r.relation) for r in definition.restrictions if r.relation]
    return found
