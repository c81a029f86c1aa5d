"""Random cases: a model, tuples and questions, made again from their seed."""

import random
from collections.abc import Callable
from dataclasses import replace

from authz.engine.tuples import admit, admit_to_store
from authz.errors import InvalidTuple
from authz.model.compiled import Model
from authz.model.schema import (
    Computed,
    ConditionDef,
    Direct,
    Exclusion,
    Intersection,
    RelationDef,
    Restriction,
    Rewrite,
    Schema,
    TupleToUserset,
    TypeDef,
    Union,
    leaves,
)
from authz.model.subject import RelationTuple
from authz.stores.protocol import NewTuple
from tests.openfga.draw_conditions import draw_condition, draw_context
from tests.openfga.questions import Check, Expand, ListObjects, ListUsers, Question

Admit = Callable[[Model, RelationTuple], NewTuple]

KINDS = ("group", "doc")
NAMES = ("r0", "r1", "r2")
IDS = ("1", "2")
OBJECTS = [f"{kind}:{i}" for kind in KINDS for i in IDS]
USERSETS = [f"{name}#{relation}" for name in OBJECTS for relation in NAMES]
USERS = ("user:a", "user:b", "user:*", *USERSETS, *OBJECTS)
MALFORMED = (
    *("", "a", "user:", ":a", "user:a:b", "user:a#", "user:a#r0", "user:*#r0", "doc:*#r0"),
    *("doc:1#r0#r1", "doc#r0", "#r0", "doc:#r0", "doc:1\x00", "doc:1\x80", "doc:\n1", "d@c:1"),
    *("doc:" + "1" * 252, "doc:" + "1" * 253, "doc:" + "é" * 126, "doc:" + "é" * 127),
)
MALFORMED_USERS = (
    *(*MALFORMED, "ghost:a", "group:1#ghost", "*", "group:*", "user:a b", "user:a\t", "user:a@b"),
    *("user:a*", "group:1*#r0", "user:" + "a" * 507, "user:" + "a" * 508, "group:1#" + "r" * 51),
    *("doc:" + "é" * 254, "doc:" + "é" * 255),
)
MALFORMED_OBJECTS = (
    *(*MALFORMED, "ghost:1", "doc:*", "doc:1*", "doc:1#r0", "doc:1 2", "doc:é", "doc:a@b"),
)
MALFORMED_RELATIONS = ("", "ghost", "r0#", "r 0", "r0:x", "r" * 50, "r" * 51, "r@", "*", "r0\x80")
MALFORMED_TYPES = ("ghost", "user", "", "a b", "a*", "t" * 254, "t" * 255, "a:b", "doc#r0", "d\x80")


def draw_schema(rnd: random.Random, *, broken: float = 0.0) -> Schema:
    """A schema that makes sense often, and more seldom with `broken`, the chance of a flaw."""
    conditions = tuple(
        draw_condition(rnd, f"c{n}", broken=broken) for n in range(rnd.choice((0, 0, 1, 2)))
    )
    types = [TypeDef("user", ())]
    for kind in KINDS:
        relations = [_draw_relation(rnd, name, conditions, broken) for name in NAMES]
        types.append(TypeDef(kind, (_draw_parent(rnd, conditions, broken), *relations)))
    if rnd.random() < broken:
        types.append(rnd.choice((TypeDef("doc", ()), TypeDef("self", ()), TypeDef("a b", ()))))
    return Schema("1.1", tuple(types), conditions)


def _draw_parent(
    rnd: random.Random, conditions: tuple[ConditionDef, ...], broken: float
) -> RelationDef:
    allowed = [_conditioned(rnd, Restriction(kind), conditions, 0.15) for kind in KINDS]
    if rnd.random() < broken:
        allowed.append(Restriction("user", wildcard=True))
    return RelationDef("parent", Direct(), tuple(allowed))


def _draw_relation(
    rnd: random.Random, name: str, conditions: tuple[ConditionDef, ...], broken: float
) -> RelationDef:
    rewrite = _draw_rewrite(rnd, 2, broken)
    if rnd.random() < 0.5:
        rewrite = Union((Direct(), rewrite))
    direct = any(isinstance(leaf, Direct) for leaf in leaves(rewrite))
    if rnd.random() < broken:
        direct = not direct
    every = (
        Restriction("user"),
        Restriction("user", wildcard=True),
        *(Restriction(kind, n) for kind in KINDS for n in NAMES),
        Restriction(rnd.choice(KINDS)),
    )
    if rnd.random() < broken:
        every = (*every, Restriction("ghost"), Restriction("doc", "ghost"), Restriction("user"))
    allowed = rnd.sample(every, rnd.randint(1, 4)) if direct else []
    found = [_conditioned(rnd, one, conditions, 0.25) for one in allowed]
    # The same kind with a condition and without one.
    found += [replace(one, condition="") for one in found if one.condition and rnd.random() < 0.3]
    return RelationDef(name, rewrite, tuple(found))


def _conditioned(
    rnd: random.Random,
    restriction: Restriction,
    conditions: tuple[ConditionDef, ...],
    chance: float,
) -> Restriction:
    if not conditions or rnd.random() >= chance:
        return restriction
    return replace(restriction, condition=rnd.choice(conditions).name)


def _draw_rewrite(rnd: random.Random, depth: int, broken: float) -> Rewrite:
    kind = rnd.randrange(6 if depth else 3)
    names = (*NAMES, "ghost") if rnd.random() < broken else NAMES
    if kind == 0:
        return Direct()
    if kind == 1:
        return Computed(rnd.choice(names))
    if kind == 2:
        return TupleToUserset(rnd.choice(names), "parent")
    parts = tuple(_draw_rewrite(rnd, depth - 1, broken) for _ in range(2))
    if kind == 3:
        return Union(parts)
    return Intersection(parts) if kind == 4 else Exclusion(*parts)


def draw_tuple(rnd: random.Random, schema: Schema, *, wrong: float = 0.0) -> RelationTuple:
    """A tuple of the names in use; whether the model admits it is not looked at."""
    user, relation = rnd.choice(USERS), rnd.choice(NAMES)
    name = rnd.choice(OBJECTS)
    if rnd.random() < 0.9:
        user, relation, name = _fitting(rnd, schema)
    if rnd.random() < wrong:
        part = rnd.randrange(3)
        user = rnd.choice(MALFORMED_USERS) if part == 0 else user
        name = rnd.choice(MALFORMED_OBJECTS) if part == 1 else name
        relation = rnd.choice(MALFORMED_RELATIONS) if part == 2 else relation
    allowed = _conditions_of(schema, relation, name, user)
    if rnd.random() < wrong:
        allowed = [*allowed, "ghost", "$expression", *(c.name for c in schema.conditions)]
    condition = rnd.choice(allowed) if allowed else ""
    of = tuple(c for c in schema.conditions if c.name == condition)
    context = draw_context(rnd, of, wrong=wrong, absent=0.5) if of else None
    return RelationTuple(user, relation, name, condition, context or None)


def _fitting(rnd: random.Random, schema: Schema) -> tuple[str, str, str]:
    """User, relation and object of a tuple that some restriction names."""
    kind = rnd.choice([type_def for type_def in schema.types if type_def.name in KINDS])
    relation = rnd.choice([r for r in kind.relations if r.restrictions])
    restriction = rnd.choice(relation.restrictions)
    ids = ("a", "b") if restriction.type == "user" else IDS
    user = f"{restriction.type}:{'*' if restriction.wildcard else rnd.choice(ids)}"
    if restriction.relation:
        user += f"#{restriction.relation}"
    return user, relation.name, f"{kind.name}:{rnd.choice(IDS)}"


def _conditions_of(schema: Schema, relation: str, name: str, user: str) -> list[str]:
    kind = name.partition(":")[0]
    return [
        restriction.condition
        for type_def in schema.types
        for definition in type_def.relations
        for restriction in definition.restrictions
        if (type_def.name, definition.name) == (kind, relation)
        and restriction.type == user.partition(":")[0]
    ]


def draw_tuples(
    rnd: random.Random, model: Model, many: int, *, admit: Admit = admit_to_store
) -> tuple[RelationTuple, ...]:
    """Tuples that the model admits, of different keys."""
    found: dict[object, RelationTuple] = {}
    for _ in range(many):
        given = draw_tuple(rnd, model.schema)
        try:
            key = admit(model, given).key
        except InvalidTuple:
            continue
        found[key] = given
    return tuple(found.values())


def draw_question(rnd: random.Random, model: Model) -> Question:
    """A check or a listing, now and then malformed, with context where conditions are."""
    user, relation = rnd.choice(USERS[: rnd.choice((3, len(USERS)))]), rnd.choice(NAMES)
    name = rnd.choice(OBJECTS)
    kind = name.partition(":")[0]
    if rnd.random() < 0.1:
        part = rnd.randrange(3)
        user = rnd.choice(MALFORMED_USERS) if part == 0 else user
        name = rnd.choice(MALFORMED_OBJECTS) if part == 1 else name
        kind = rnd.choice(MALFORMED_TYPES) if part == 1 else kind
        relation = rnd.choice(MALFORMED_RELATIONS) if part == 2 else relation
    conditions = model.schema.conditions
    context = draw_context(rnd, conditions, wrong=0.15, absent=0.1) if conditions else None
    contextual: tuple[RelationTuple, ...] = ()
    if rnd.random() < 0.25:
        contextual = draw_tuples(rnd, model, 12, admit=admit)
        if rnd.random() < 0.1:
            contextual = (draw_tuple(rnd, model.schema, wrong=0.5), *contextual)
    chosen = rnd.random()
    if chosen < 0.25:
        return ListObjects(user, relation, kind, context, contextual)
    if chosen < 0.5:
        return ListUsers(*_listed(rnd), context, contextual)
    if chosen < 0.6:
        # An empty text is refused by the API before the engine sees it.
        return Expand(name or "doc", relation or "ghost", contextual)
    return Check(user, relation, name, context, contextual)


def _listed(rnd: random.Random) -> tuple[str, str, str]:
    """Object, relation and kind of a listing of users, which the API reads by strict patterns."""
    kind = rnd.choice(("user", "user", "user", *KINDS, *(f"{k}#{n}" for k in KINDS for n in NAMES)))
    if rnd.random() < 0.05:
        kind = rnd.choice(("ghost", "ghost#r0", "doc#ghost"))
    relation = "ghost" if rnd.random() < 0.03 else rnd.choice(NAMES)
    return rnd.choice((*OBJECTS, "ghost:1") if rnd.random() < 0.1 else OBJECTS), relation, kind
