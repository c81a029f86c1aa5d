"""Check by the book: every path followed to its end, nothing remembered. Slow, and obvious.

A state met again on its own path is a cycle. Errors are left out: conditions are not used here.
"""

from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    RelationDef,
    Rewrite,
    Schema,
    TupleToUserset,
)
from authz.model.subject import Subject, TupleKey, parse_user

YES, NO, CYCLE = "yes", "no", "cycle"
Path = frozenset[tuple[str, str]]

MAX_STEPS = 3000


class TooLong(Exception):
    """There are too many paths to follow every one."""


class Naive:
    def __init__(self, schema: Schema, tuples: list[TupleKey], steps: int = MAX_STEPS) -> None:
        self._most = steps
        self._relations: dict[tuple[str, str], RelationDef] = {
            (kind.name, relation.name): relation
            for kind in schema.types
            for relation in kind.relations
        }
        self._tuples = tuples
        self._steps = 0
        self._lenient = self._gloomy = False

    def holds(
        self, user: str, relation: str, name: str, *, lenient: bool = False, gloomy: bool = False
    ) -> bool:
        """Answer, or raise TooLong.

        `lenient` takes a cycle in a subtracted part for false; for `gloomy` an intersection
        or exclusion runs in a circle if any part does, even where another settles it as false.
        """
        self._steps = 0
        self._lenient, self._gloomy = lenient, gloomy
        return self._state(parse_user(user), relation, name, frozenset()) == YES

    def _state(self, user: Subject, relation: str, name: str, path: Path) -> str:
        self._steps += 1
        if self._steps > self._most:
            raise TooLong
        if str(user) == f"{name}#{relation}":
            return YES
        if (name, relation) in path:
            return CYCLE
        definition = self._relations.get((name.partition(":")[0], relation))
        if definition is None:
            return NO
        return self._rewrite(user, definition, name, definition.rewrite, path | {(name, relation)})

    def _rewrite(
        self, user: Subject, definition: RelationDef, name: str, rewrite: Rewrite, path: Path
    ) -> str:
        match rewrite:
            case Direct():
                return _any(self._direct(user, definition.name, name, path))
            case Computed(relation):
                return self._state(user, relation, name, path)
            case TupleToUserset(computed, tupleset):
                parents = [
                    t.user for t in self._tuples if (t.object, t.relation) == (name, tupleset)
                ]
                return _any([self._state(user, computed, parent, path) for parent in parents])
            case Exclusion(base, subtract):
                held = self._rewrite(user, definition, name, base, path)
                taken = self._rewrite(user, definition, name, subtract, path)
                if self._gloomy and CYCLE in (held, taken):
                    return CYCLE
                if held == NO or taken == YES:
                    return NO
                if self._lenient:
                    return held
                return CYCLE if CYCLE in (held, taken) else YES
            case Intersection(children):
                values = [self._rewrite(user, definition, name, c, path) for c in children]
                if self._gloomy and CYCLE in values:
                    return CYCLE
                return NO if NO in values else CYCLE if CYCLE in values else YES
            case _:
                return _any(
                    [self._rewrite(user, definition, name, c, path) for c in rewrite.children]
                )

    def _direct(self, user: Subject, relation: str, name: str, path: Path) -> list[str]:
        values = [NO]
        for found in self._tuples:
            if (found.object, found.relation) != (name, relation):
                continue
            holder = Subject(found.user_type, found.user_id, found.user_relation)
            everyone = holder.id == "*" and (holder.type, user.relation) == (user.type, "")
            if holder == user or everyone:
                values.append(YES)
            elif holder.relation:
                values.append(
                    self._state(user, holder.relation, f"{holder.type}:{holder.id}", path)
                )
        return values


def _any(values: list[str]) -> str:
    return YES if YES in values else CYCLE if CYCLE in values else NO
