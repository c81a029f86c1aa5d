"""Puts the same to both engines, counts, and tells a difference by its smallest case."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from authz.engine.tuples import admit, admit_to_store
from authz.errors import InvalidTuple, RefusedTuple
from authz.model.compiled import Model
from authz.model.json_form import to_json
from authz.model.schema import Schema
from authz.stores.protocol import TupleStore
from tests.engine.naive import Naive, TooLong
from tests.openfga import differences
from tests.openfga.draw import draw_question, draw_schema, draw_tuple, draw_tuples
from tests.openfga.ours import OurWorld, open_ours
from tests.openfga.questions import Answer, Case, Expand, ListObjects, ListUsers, Question
from tests.openfga.shrink import shrink
from tests.openfga.theirs import TheirServer, TheirWorld

Worlds = tuple[OurWorld, TheirWorld]

QUESTIONS = 10
"""To one model and its tuples, and as many under a newer model."""

REFUSED_WRITES = 4
FEW_STEPS = 100
"""States on all paths of a listing of users that theirs is asked: it goes on behind its deadline."""
MANY_STEPS = 10_000
"""States on all paths of a check, or of the checks that a listing of objects stands for.

Theirs follows each path, so that a graph of a few objects that lead to each other in every way
keeps it for minutes. Ours answers them in the tests of hostile input.
"""
AGAIN = 5
"""How often theirs is asked anew before its answer counts as the one it gives."""
FLAWED = 0.12
"""The chance of a flaw, at each place of a model that may have one."""


class Difference(AssertionError):
    """The engines differ where no document says that they may."""


class Comparison:
    """Both engines; `cases` counts what was put to both, `tolerated` what may differ."""

    def __init__(self, theirs: TheirServer, new_store: Callable[[], TupleStore]) -> None:
        self._theirs = theirs
        self._new_store = new_store
        self.cases = 0
        self.tolerated: Counter[str] = Counter()

    def run(self, seed: int) -> None:
        """Compare a model or more, tuples that it refuses and admits, and questions."""
        rnd = random.Random(seed)
        self._model(draw_schema(rnd, broken=FLAWED))
        while (opened := self._model(schema := draw_schema(rnd))) is None:
            pass
        model, ours, theirs = opened
        for _ in range(REFUSED_WRITES):
            self._refused_write(rnd, model, ours, theirs)
        tuples = draw_tuples(rnd, model, rnd.randint(4, 60))
        if tuples and (ours.write(tuples) or theirs.write(tuples)):
            raise Difference(f"seed {seed}: one engine refuses {tuples} under {schema}")
        self._ask(rnd, seed, Case(schema, tuples, ()), model, (ours, theirs))
        newer = draw_schema(rnd)
        worlds = ours.under(to_json(newer)), theirs.under(to_json(newer))
        if not isinstance(worlds[0], str) and not isinstance(worlds[1], str):
            case = Case(schema, tuples, (), newer)
            self._ask(rnd, seed, case, Model.from_json(to_json(newer)), (worlds[0], worlds[1]))

    def _ask(self, rnd: random.Random, seed: int, case: Case, model: Model, both: Worlds) -> None:
        """Draw questions, and put them to both."""
        questions: list[Question] = []
        while len(questions) < QUESTIONS:
            question = draw_question(rnd, model)
            if _ends(case, question):
                questions.append(question)
        asked = zip(questions, both[0].ask(questions), both[1].ask(questions), strict=True)
        for question, our_answer, their_answer in asked:
            self.cases += 1
            if our_answer != their_answer:
                self._judge(seed, replace(case, questions=(question,)), our_answer, their_answer)

    def answers(self, case: Case) -> tuple[Answer, Answer] | None:
        """Put the one question of a case to both; None if a model or a tuple is refused."""
        both = self._worlds(case)
        return both and (both[0].ask(case.questions)[0], both[1].ask(case.questions)[0])

    def _worlds(self, case: Case) -> Worlds | None:
        """Open a case in both."""
        body = to_json(case.schema)
        ours, theirs = open_ours(body, self._new_store()), self._theirs.open(body)
        if isinstance(ours, str) or isinstance(theirs, str):
            return None
        if case.tuples and (ours.write(case.tuples) or theirs.write(case.tuples)):
            return None
        if case.newer is not None:
            newer = to_json(case.newer)
            ours, theirs = ours.under(newer), theirs.under(newer)
            if isinstance(ours, str) or isinstance(theirs, str):
                return None
        return ours, theirs

    def _judge(self, seed: int, case: Case, ours: Answer, theirs: Answer) -> None:
        if name := differences.of_answer(case, ours, theirs, self._ask_ours, self._ask_theirs):
            self.tolerated[name] += 1
            return
        if any(self._ask_theirs(case) == ours for _ in range(AGAIN)):
            self.tolerated["answers that change"] += 1
            return
        small = shrink(case, self._differs)
        found = self.answers(small) or (ours, theirs)
        raise Difference(f"seed {seed}: {found} (ours, theirs) to {told(small)}")

    def _differs(self, case: Case) -> object:
        if not _ends(case, case.questions[0]):
            return None  # less of a model may leave more paths
        answers = self.answers(case)
        if answers is None or answers[0] == answers[1]:
            return None
        if differences.of_answer(case, *answers, self._ask_ours, self._ask_theirs):
            return None
        return tuple(type(one) if isinstance(one, frozenset) else one for one in answers)

    def _ask_ours(self, case: Case) -> Answer:
        world = open_ours(to_json(case.schema), self._new_store())
        assert not isinstance(world, str)
        assert not case.tuples or not world.write(case.tuples)
        if case.newer is not None:
            world = world.under(to_json(case.newer))
            assert not isinstance(world, str)
        return world.ask(case.questions)[0]

    def _ask_theirs(self, case: Case) -> Answer:
        both = self._worlds(case)
        assert both is not None
        return both[1].ask(case.questions)[0]

    def _model(self, schema: Schema) -> tuple[Model, OurWorld, TheirWorld] | None:
        """Compare what becomes of a model; return it with a world of each, if both take it."""
        self.cases += 1
        body = to_json(schema)
        ours, theirs = open_ours(body, self._new_store()), self._theirs.open(body)
        if not isinstance(ours, str) and not isinstance(theirs, str):
            return Model.from_json(body), ours, theirs
        if ours != theirs:
            refusal = self._theirs.refusal(body)
            if name := differences.of_model(ours if isinstance(ours, str) else "", refusal):
                self.tolerated[name] += 1
            else:
                raise Difference(f"{ours} (ours), {theirs} (theirs), {refusal}: {body}")
        return None

    def _refused_write(
        self, rnd: random.Random, model: Model, ours: OurWorld, theirs: TheirWorld
    ) -> None:
        given = draw_tuple(rnd, model.schema, wrong=0.6)
        try:
            admit_to_store(model, given)
        except RefusedTuple:
            self.cases += 1
            codes = ours.write([given]), theirs.write([given])
            if codes[0] != codes[1]:
                raise Difference(
                    f"{codes} (ours, theirs) to {given} under {model.schema}"
                ) from None


def _ends(case: Case, question: Question) -> bool:
    """Tell whether theirs answers within a time that can be waited for."""
    if isinstance(question, Expand):
        return True
    model = Model.from_json(to_json(case.asked_under))
    keys = []
    for given in (*case.tuples, *question.contextual):
        try:
            keys.append(admit(model, replace(given, context=None)).key)
        except InvalidTuple:
            continue
    if isinstance(question, ListObjects):
        objects = sorted({k.object for k in keys if k.object_type == question.type})
    else:
        objects = [question.object]
    most = FEW_STEPS if isinstance(question, ListUsers) else MANY_STEPS
    paths = Naive(case.asked_under, keys, most)
    try:
        for name in objects:
            paths.holds("ghost:1", question.relation, name)
    except TooLong:
        return False
    return True


def told(case: Case) -> str:
    """Write a case so that it can be read, and made again."""
    lines = [f"{case.questions[0]}", "tuples:", *(f"  {one}" for one in case.tuples)]
    for name, schema in (("model", case.schema), ("newer model", case.newer)):
        if schema is not None:
            lines += [f"{name}:", *_told(schema)]
    return "\n".join(lines)


def _told(schema: Schema) -> list[str]:
    lines: list[str] = []
    for type_def in schema.types:
        lines.append(f"  type {type_def.name}")
        lines += [
            f"    {r.name}: {r.rewrite} [{', '.join(map(str, r.restrictions))}]"
            for r in type_def.relations
        ]
    return [*lines, *(f"  {condition}" for condition in schema.conditions)]
