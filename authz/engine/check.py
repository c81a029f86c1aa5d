"""Check: does a user hold a relation on an object? OpenFGA's semantics, exact and bounded."""

from collections.abc import Sequence

import orjson

from authz.engine.facts import Facts
from authz.engine.formula import Formula
from authz.engine.limits import MAX_CHECKS_PER_BATCH, MAX_DEPTH
from authz.engine.query import Query, Question, State, Verdict, ask
from authz.engine.walk import walk
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.stores.protocol import TupleReader

FEW = 4
"""Questions that are worth evaluating after every level."""


def check(model: Model, store: TupleReader, query: Query) -> bool:
    """Answer one query. Raises CheckError: a caller that decides treats it as a denial."""
    question = ask(model, query)
    if question.relation.pure:
        return walk(model, store, question)
    (answer,) = _together(model, store, [question])
    if isinstance(answer, CheckError):
        raise answer
    return answer


def check_many(model: Model, store: TupleReader, queries: Sequence[Query]) -> list[Verdict]:
    """Answer queries in their order, each by its own; an error is its query's answer alone.

    Queries of one user and context are read together, level by level, and share sub-results.
    """
    if len(queries) > MAX_CHECKS_PER_BATCH:
        raise CheckError(f"more than {MAX_CHECKS_PER_BATCH} checks in one batch")
    answers: dict[int, Verdict] = {}
    groups: dict[tuple[str, bytes], list[tuple[int, Question]]] = {}
    for position, query in enumerate(queries):
        try:
            question = ask(model, query)
        except CheckError as error:
            answers[position] = error
            continue
        context = orjson.dumps(query.context, option=orjson.OPT_SORT_KEYS) if query.context else b""
        groups.setdefault((query.user, context), []).append((position, question))
    for members in groups.values():
        verdicts = _answer(model, store, [question for _, question in members])
        for (position, _), verdict in zip(members, verdicts, strict=True):
            answers[position] = verdict
    return [answers[position] for position in range(len(queries))]


def _answer(model: Model, store: TupleReader, questions: list[Question]) -> list[Verdict]:
    if len(questions) > 1 or not questions[0].relation.pure:
        return _together(model, store, questions)
    try:
        return [walk(model, store, questions[0])]
    except CheckError as error:
        return [error]


def _together(model: Model, store: TupleReader, questions: list[Question]) -> list[Verdict]:
    """Answer questions of one user and context over shared facts."""
    user, context = questions[0].user, questions[0].context
    facts = Facts(model, store, user, context)
    formula = Formula(model, facts, user)
    open_states = {q.state for q in questions}
    answers: dict[State, Verdict] = {}
    facts.ask(q.state for q in questions if q.user_key in q.relation.reach)
    named, depth = True, 0
    limit: ResolutionTooComplex | None = None
    while open_states:
        if depth == MAX_DEPTH:
            limit = ResolutionTooComplex("the check is deeper than the limit")
        last = facts.complete or limit is not None
        if last:
            formula.unread_is(limit or ResolutionTooComplex("the check is deeper than the limit"))
        # Many questions are evaluated once, at the end: early answers would not pay for it.
        if last or (named and len(open_states) <= FEW):
            named = False
            formula.next_round()
            for state in tuple(open_states):
                answer = _evaluate(formula, state)
                if answer is not None:
                    open_states.discard(state)
                    answers[state] = answer
        if open_states:
            try:
                named = facts.level() or named
            except ResolutionTooComplex as error:
                limit = error
            depth += 1
    return [answers[question.state] for question in questions]


def _evaluate(formula: Formula, state: State) -> Verdict | None:
    try:
        value = formula.value(state)
    except ResolutionTooComplex as error:
        return error
    return value.verdict if value.known else None
