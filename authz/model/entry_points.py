"""Can anyone ever hold a relation? A relation that nobody can reach is a mistake of the model.

Follows the rules of OpenFGA's validator: a union needs one way in, an intersection and both
sides of an exclusion need one each; what only leads back to itself is a loop.
"""

from collections.abc import Mapping
from typing import TypeAlias

from authz.model.schema import (
    Computed,
    Direct,
    RelationDef,
    Rewrite,
    TupleToUserset,
    Union,
    leaves,
    operands,
)

Key: TypeAlias = tuple[str, str]
Relations: TypeAlias = Mapping[Key, RelationDef]


def reachable(relations: Relations) -> frozenset[Key]:
    """Return the relations that some user can hold, as a least fixed point."""
    known: set[Key] = set()
    growing = True
    while growing:
        growing = False
        for key, relation in relations.items():
            if key not in known and _enters(key, relation, relation.rewrite, relations, known):
                known.add(key)
                growing = True
    return frozenset(known)


def _enters(
    key: Key, relation: RelationDef, rewrite: Rewrite, relations: Relations, known: set[Key]
) -> bool:
    if isinstance(rewrite, Direct):
        return any(
            not r.relation or r.wildcard or (r.type, r.relation) in known
            for r in relation.restrictions
        )
    if isinstance(rewrite, Computed):
        return (key[0], rewrite.relation) in known
    if isinstance(rewrite, TupleToUserset):
        tupleset = relations[key[0], rewrite.tupleset]
        return any((r.type, rewrite.computed) in known for r in tupleset.restrictions)
    parts = (_enters(key, relation, part, relations, known) for part in operands(rewrite))
    return any(parts) if isinstance(rewrite, Union) else all(parts)


def computed_cycle(relations: Relations) -> Key | None:
    """Return a relation that is defined through itself by computed relations alone."""
    edges = {
        key: [
            (key[0], leaf.relation)
            for leaf in leaves(relation.rewrite)
            if isinstance(leaf, Computed)
        ]
        for key, relation in relations.items()
    }
    done: set[Key] = set()
    for start, first in edges.items():
        if start in done:
            continue
        path: list[Key] = [start]
        on_path = {start}
        waiting = [iter(first)]
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                leaving = path.pop()
                on_path.discard(leaving)
                done.add(leaving)
            elif following in on_path:
                return following
            elif following not in done and following in edges:
                path.append(following)
                on_path.add(following)
                waiting.append(iter(edges[following]))
    return None


def loops(key: Key, relations: Relations) -> bool:
    """Whether an unreachable relation is so because computed relations lead in a circle."""
    seen: set[Key] = set()
    waiting = [key]
    while waiting:
        current = waiting.pop()
        for leaf in leaves(relations[current].rewrite):
            if isinstance(leaf, Computed):
                following = (current[0], leaf.relation)
                if following == key:
                    return True
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
    return False
