"""Makes a case in which the engines differ small, as long as they differ in the same way."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from authz.model.schema import RelationDef, Restriction, Rewrite, Schema, TypeDef, operands
from tests.openfga.questions import Case

Differs = Callable[[Case], object]
"""What differs in the case; None if nothing does, or if a model or tuple is refused."""

MAX_TRIES = 600


def shrink(case: Case, differs: Differs) -> Case:
    """Return a smaller case of one question that differs as this one, if this one still does."""
    kind = differs(case)
    tries = 0
    smaller = kind is not None
    while smaller:
        smaller = False
        for candidate in _smaller(case):
            tries += 1
            if tries > MAX_TRIES:
                return case
            if differs(candidate) == kind:
                case, smaller = candidate, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    many = len(case.tuples)
    for size in (many // 2, many // 4, 1):
        for start in range(0, many, size) if size else ():
            yield replace(case, tuples=case.tuples[:start] + case.tuples[start + size :])
    for position, question in enumerate(case.questions):
        for number in range(len(question.contextual)):
            fewer = question.contextual[:number] + question.contextual[number + 1 :]
            asked = [*case.questions]
            asked[position] = replace(question, contextual=fewer)
            yield replace(case, questions=tuple(asked))
    for schema in _smaller_schemas(case.schema):
        yield replace(case, schema=schema)
    for newer in _smaller_schemas(case.newer) if case.newer else ():
        yield replace(case, newer=newer)


def _smaller_schemas(schema: Schema) -> Iterator[Schema]:
    for t, type_def in enumerate(schema.types):
        for r, relation in enumerate(type_def.relations):
            for found in _smaller_relations(relation):
                relations = (*type_def.relations[:r], *found, *type_def.relations[r + 1 :])
                changed = TypeDef(type_def.name, relations)
                types = (*schema.types[:t], changed, *schema.types[t + 1 :])
                yield replace(schema, types=types)
    for number in range(len(schema.conditions)):
        fewer = schema.conditions[:number] + schema.conditions[number + 1 :]
        yield replace(schema, conditions=fewer)


def _smaller_relations(relation: RelationDef) -> Iterator[tuple[RelationDef, ...]]:
    yield ()
    for part in _parts(relation.rewrite):
        yield (replace(relation, rewrite=part),)
        yield (RelationDef(relation.name, part),)
    for number, one in enumerate(relation.restrictions):
        before, after = relation.restrictions[:number], relation.restrictions[number + 1 :]
        yield (replace(relation, restrictions=before + after),)
        if one.condition:
            plain: tuple[Restriction, ...] = (*before, replace(one, condition=""), *after)
            yield (replace(relation, restrictions=plain),)


def _parts(rewrite: Rewrite) -> Iterator[Rewrite]:
    """Return the rewrite with one operator replaced by one of its parts."""
    for number, part in enumerate(operands(rewrite)):
        yield part
        for smaller in _parts(part):
            yield _with_part(rewrite, number, smaller)


def _with_part(rewrite: Rewrite, number: int, part: Rewrite) -> Rewrite:
    parts = [*operands(rewrite)]
    parts[number] = part
    kind = type(rewrite)
    return kind(*parts) if hasattr(rewrite, "base") else kind(tuple(parts))  # type: ignore[call-arg,arg-type]
