"""What one step of a check reads and where it leads, derived once from the model.

A step asks: does the user hold one of `relations` on an object of `type`? A plan is kept for
each combination that occurs, so that a check composes nothing.
"""

from collections.abc import Mapping

from authz.model.compiled import Model, Relation
from authz.model.reach import UserKey
from authz.model.schema import Computed, Direct, TupleToUserset, leaves
from authz.stores.protocol import Wanted

MAX_PLANS = 4096


class Plan:
    """The tuples to read for a step, how each may count, and the steps that follow."""

    __slots__ = ("closure", "direct", "relations", "tuplesets", "usersets", "wanted")

    def __init__(self, model: Model, type_name: str, asked: frozenset[str], user: UserKey) -> None:
        relations = model.types[type_name]
        closure = _closure(relations, asked, user)
        direct: set[str] = set()
        usersets: dict[str, frozenset[UserKey]] = {}
        tuplesets: dict[str, dict[str, set[str]]] = {}
        for name in closure:
            relation = relations[name]
            for leaf in leaves(relation.rewrite):
                if isinstance(leaf, Direct):
                    if user in relation.accepts or (
                        not user[1] and (user[0], "*") in relation.accepts
                    ):
                        direct.add(name)
                    if followed := usersets_worth(model, relation, user):
                        usersets[name] = followed
                elif isinstance(leaf, TupleToUserset):
                    for restriction in relations[leaf.tupleset].restrictions:
                        target = model.types[restriction.type].get(leaf.computed)
                        if target is not None and user in target.reach:
                            targets = tuplesets.setdefault(leaf.tupleset, {})
                            targets.setdefault(restriction.type, set()).add(leaf.computed)
        self.closure = frozenset(closure)
        """Relations of the same object that the asked ones are computed from, themselves too."""
        self.direct = frozenset(direct)
        self.usersets = usersets
        """By relation: the kinds of usersets worth following."""
        self.tuplesets = {
            name: {kind: frozenset(computed) for kind, computed in targets.items()}
            for name, targets in tuplesets.items()
        }
        """By tupleset relation and type of the object there: the relations to ask of it."""
        self.relations = relations
        self.wanted = Wanted(
            type_name, tuple(sorted(direct)), tuple(sorted(usersets)), tuple(sorted(tuplesets))
        )


def plan_for(model: Model, type_name: str, asked: frozenset[str], user: UserKey) -> Plan:
    """Return the plan of a step, made the first time."""
    key = (type_name, asked, user)
    plan: Plan | None = model.plans.get(key)
    if plan is None:
        if len(model.plans) >= MAX_PLANS:
            model.plans.clear()
        plan = model.plans[key] = Plan(model, type_name, asked, user)
    return plan


def _closure(relations: Mapping[str, Relation], asked: frozenset[str], user: UserKey) -> set[str]:
    found: set[str] = set()
    waiting = [name for name in asked if user in relations[name].reach]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += [
            leaf.relation
            for leaf in leaves(relations[name].rewrite)
            if isinstance(leaf, Computed) and user in relations[leaf.relation].reach
        ]
    return found


def usersets_worth(model: Model, relation: Relation, user: UserKey) -> frozenset[UserKey]:
    """Return the kinds of usersets by which such a user could hold the relation."""
    return frozenset(
        (r.type, r.relation)
        for r in relation.restrictions
        if r.relation and user in model.types[r.type][r.relation].reach
    )
