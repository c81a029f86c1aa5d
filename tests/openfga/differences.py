"""The differences that stay (docs/openfga-differences.md), each recognised as narrowly as it can be.

A name is that of the heading in the document. Whatever has no name here is a defect.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import orjson

from authz.engine.query import has_controls
from authz.engine.tuples import admit
from authz.errors import ConditionFailed, InvalidTuple
from authz.model.compiled import Model
from authz.model.json_form import to_json
from authz.model.subject import RelationTuple
from tests.engine.naive import Naive, TooLong
from tests.openfga.questions import Answer, Case, Check, ListObjects, ListUsers, Question

REFUSED = "validation_error"
MANY_STEPS = 300_000
MOST_REPEATED = 4
"""Tuples of which every choice is tried."""
Triple = tuple[str, str, str]
Ask = Callable[[Case], Answer]
"""Puts a case of one question to an engine anew."""


def of_model(ours: str, theirs: Mapping[str, Any]) -> str:
    """Name why the models are judged differently, or return an empty text."""
    if not ours and (
        "no entrypoints" in theirs["message"] or "potential loop" in theirs["message"]
    ):
        return "entry points of a model"
    return ""


def of_answer(case: Case, ours: Answer, theirs: Answer, ask: Ask, ask_theirs: Ask) -> str:
    """Name why the answers to the case's question differ, or return an empty text."""
    question = case.questions[0]
    if isinstance(question, ListUsers) and isinstance(theirs, frozenset):
        theirs = frozenset(one for one in theirs if ("#" in one) == ("#" in question.kind))
        if ours == theirs:
            return "kinds of users that were not asked for"
        if isinstance(ours, frozenset) and _checks_agree(case, ours, theirs, ask_theirs):
            return "listings of users and checks"
    controls = question.context is not None and has_controls(orjson.dumps(question.context))
    if controls and not isinstance(question, Check) and ours == REFUSED:
        return "control characters in the context of a listing"
    if _without_repeated(case, theirs, ask):
        return "tuples of a request over stored ones"
    if REFUSED in (ours, theirs):
        return _failed_condition(case, ours, theirs, ask)
    if isinstance(ours, frozenset) and isinstance(theirs, frozenset):
        return _circle(case, ours - theirs) if ours > theirs else ""
    return _circle(case, ours) if ours is True and theirs is False else ""


def _checks_agree(
    case: Case, ours: frozenset[str], theirs: frozenset[str], ask_theirs: Ask
) -> bool:
    """Whether a check by OpenFGA says of each user that one alone lists what our listing says."""
    return all(ask_theirs(_check_of(case, user)) == (user in ours) for user in ours ^ theirs)


def _check_of(case: Case, user: str) -> Case:
    """Return the case that asks of one user what it lists users of."""
    asked = case.questions[0]
    assert isinstance(asked, ListUsers)
    check = Check(user, asked.relation, asked.object, asked.context, asked.contextual)
    return replace(case, questions=(check,))


def _without_repeated(case: Case, theirs: Answer, ask: Ask) -> bool:
    """Whether theirs is our answer without some of the tuples that the request repeats."""
    question = case.questions[0]
    stored = {(one.user, one.relation, one.object) for one in case.tuples}
    repeated = [
        one for one in question.contextual if (one.user, one.relation, one.object) in stored
    ][:MOST_REPEATED]
    for count in range(1, len(repeated) + 1):
        for some in combinations(repeated, count):
            own = tuple(one for one in question.contextual if one not in some)
            if ask(replace(case, questions=(replace(question, contextual=own),))) == theirs:
                return True
    return False


def _allowed(question: Question, answer: Answer) -> Iterator[Triple]:
    """Yield user, relation and object of all that an answer allows."""
    match question, answer:
        case Check(user, relation, name), True:
            yield user, relation, name
        case ListObjects(user, relation), frozenset():
            yield from ((user, relation, name) for name in answer)
        case ListUsers(name, relation), frozenset():
            yield from ((user, relation, name) for user in answer)


def _circle(case: Case, ours: Answer) -> str:
    """Ours holds a part to be plainly false of which one operand runs in a circle.

    The engine that follows every path allows if it passes over such circles, and denies if it
    minds them all.
    """
    model, question = Model.from_json(to_json(case.asked_under)), case.questions[0]
    counting = [
        admit(model, one).key
        for one in (*case.tuples, *question.contextual)
        if _counts(model, one) and _holds(model, one, question.context) is True
    ]
    naive = Naive(case.asked_under, counting)
    for asked in _allowed(question, ours):
        try:
            if naive.holds(*asked, gloomy=True) or not naive.holds(*asked, lenient=True):
                return ""
        except TooLong:
            return ""
    return "circles beside something false"


def _failed_condition(case: Case, ours: Answer, theirs: Answer, ask: Ask) -> str:
    """One of the two met a condition that fails: the other left out the tuples that have it.

    Ours allows what theirs calls an error only if it holds whatever the conditions say. A listing of theirs may call it an
    internal error.
    """
    model, question = Model.from_json(to_json(case.asked_under)), case.questions[0]
    kept = tuple(one for one in case.tuples if not _fails(model, one, question.context))
    own = tuple(one for one in question.contextual if not _fails(model, one, question.context))
    if (kept, own) == (case.tuples, question.contextual):
        return ""
    if (ours, theirs) == (REFUSED, "internal_error") and not isinstance(question, Check):
        return "conditions that fail"
    answered = theirs if ours == REFUSED else ours
    if isinstance(answered, str) or not _holds_either_way(case, model, ours):
        return ""
    sure = replace(case, tuples=kept, questions=(replace(question, contextual=own),))
    lenient = ask(sure)
    if lenient == answered:
        return "conditions that fail"
    if not isinstance(question, ListUsers) or not isinstance(answered, frozenset):
        return ""
    # Named by such a tuple alone, and holding it as everyone does.
    more = answered - lenient if isinstance(lenient, frozenset) and lenient < answered else None
    holding = more is not None and all(ask(_check_of(sure, user)) is True for user in more)
    return "conditions that fail" if holding else ""


def _holds_either_way(case: Case, model: Model, ours: Answer) -> bool:
    """Whether all that ours allows holds too if conditions that fail had held."""
    question = case.questions[0]
    counting = [
        admit(model, replace(one, context=None)).key
        for one in (*case.tuples, *question.contextual)
        if _counts(model, one) and _holds(model, one, question.context) is not False
    ]
    naive = Naive(case.asked_under, counting, MANY_STEPS)
    try:
        return all(naive.holds(*asked) for asked in _allowed(question, ours))
    except TooLong:
        return False


def _fails(model: Model, given: RelationTuple, context: Mapping[str, Any] | None) -> bool:
    """Whether the tuple's condition cannot be evaluated for this request."""
    return _holds(model, given, context) is None


def _holds(model: Model, given: RelationTuple, context: Mapping[str, Any] | None) -> bool | None:
    """Whether the tuple counts for this request; None if its condition cannot say."""
    if not given.condition or not _counts(model, given):
        return True
    try:
        return model.conditions[given.condition].holds(context, given.context)
    except ConditionFailed:
        return None


def _counts(model: Model, given: RelationTuple) -> bool:
    """Whether the model of the question admits the tuple at all."""
    try:
        admit(model, replace(given, context=None))
    except InvalidTuple:
        return False
    return True
