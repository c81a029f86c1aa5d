"""The differences that stay (docs/openfga-differences.md), each recognised as narrowly as it can be.

A name is that of the heading in the document. Whatever has no name here is a defect.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from authz.engine.query import has_controls
from authz.engine.tuples import admit
from authz.errors import ConditionFailed, InvalidTuple
from authz.model.compiled import Model
from authz.model.json_form import to_json
from authz.model.subject import RelationTuple
from tests.engine.naive import Naive, TooLong
from tests.openfga.questions import Answer, Case, Check, ListObjects

REFUSED = "validation_error"
AskOurs = Callable[[Case], Answer]
"""Puts a case of one question to our engine anew."""


def of_model(ours: str, theirs: Mapping[str, Any]) -> str:
    """Name why the models are judged differently, or return an empty text."""
    if not ours and (
        "no entrypoints" in theirs["message"] or "potential loop" in theirs["message"]
    ):
        return "entry points of a model"
    return ""


def of_answer(case: Case, ours: Answer, theirs: Answer, ask: AskOurs) -> str:
    """Name why the answers to the case's question differ, or return an empty text."""
    question = case.questions[0]
    controls = question.context is not None and has_controls(orjson.dumps(question.context))
    if controls and isinstance(question, ListObjects) and ours == REFUSED:
        return "control characters in the context of a listing"
    if _without_repeated(case, ask) == theirs:
        return "tuples of a request over stored ones"
    if REFUSED in (ours, theirs):
        return _failed_condition(case, ours, theirs, ask)
    if ours is True and theirs is False:
        return _circle(case, (question.object,)) if isinstance(question, Check) else ""
    if isinstance(ours, frozenset) and isinstance(theirs, frozenset) and ours > theirs:
        return _circle(case, ours - theirs)
    return ""


def _without_repeated(case: Case, ask: AskOurs) -> Answer | None:
    """Our answer if the request did not repeat stored tuples; None if it repeats none."""
    question = case.questions[0]
    stored = {(one.user, one.relation, one.object) for one in case.tuples}
    own = tuple(
        one for one in question.contextual if (one.user, one.relation, one.object) not in stored
    )
    if own == question.contextual:
        return None
    return ask(replace(case, questions=(replace(question, contextual=own),)))


def _circle(case: Case, objects: Iterable[str]) -> str:
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
    for name in objects:
        asked = (question.user, question.relation, name)
        try:
            if naive.holds(*asked, gloomy=True) or not naive.holds(*asked, lenient=True):
                return ""
        except TooLong:
            return ""
    return "circles beside something false"


def _failed_condition(case: Case, ours: Answer, theirs: Answer, ask: AskOurs) -> str:
    """One of the two met a condition that fails: the other left out the tuples that have it.

    Ours allows what theirs calls an error only if it holds whatever the conditions say. A listing of theirs may call it an
    internal error.
    """
    model, question = Model.from_json(to_json(case.asked_under)), case.questions[0]
    kept = tuple(one for one in case.tuples if not _fails(model, one, question.context))
    own = tuple(one for one in question.contextual if not _fails(model, one, question.context))
    if (kept, own) == (case.tuples, question.contextual):
        return ""
    if (ours, theirs) == (REFUSED, "internal_error") and isinstance(question, ListObjects):
        return "conditions that fail"
    answered = theirs if ours == REFUSED else ours
    if isinstance(answered, str) or not _holds_either_way(case, model, ours):
        return ""
    lenient = ask(replace(case, tuples=kept, questions=(replace(question, contextual=own),)))
    return "conditions that fail" if lenient == answered else ""


def _holds_either_way(case: Case, model: Model, ours: Answer) -> bool:
    """Whether all that ours allows holds too if conditions that fail had held."""
    question = case.questions[0]
    counting = [
        admit(model, replace(one, context=None)).key
        for one in (*case.tuples, *question.contextual)
        if _counts(model, one) and _holds(model, one, question.context) is not False
    ]
    naive = Naive(case.asked_under, counting)
    objects: Iterable[str] = ours if isinstance(ours, frozenset) else ()
    if ours is True and isinstance(question, Check):
        objects = (question.object,)
    try:
        return all(naive.holds(question.user, question.relation, name) for name in objects)
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
