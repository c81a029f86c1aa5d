"""Check where only unions are involved: is there a path of tuples? Level by level, breadth first.

One statement a level (and object type), however many objects it has. The search stops at the
first path, and a set of visited states makes it safe in cycles. A condition that fails to
evaluate is remembered: it matters only if no other path allows.
"""

from collections.abc import Collection, Iterable, Mapping

from authz.engine.limits import MAX_DEPTH, MAX_STATES
from authz.engine.plans import Plan, plan_for
from authz.engine.query import Question, Verdict, condition_judge
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.stores.protocol import TupleReader

_NONE: Mapping[str, frozenset[str]] = {}

Pending = dict[tuple[str, str], set[str]]
"""What the next level asks: relations by object."""


def walk(model: Model, store: TupleReader, question: Question) -> bool:
    """Answer a question whose relation is pure. Raises CheckError."""
    return _Walk(model, store, question).run()


class _Walk:
    __slots__ = ("_error", "_judge", "_model", "_pending", "_question", "_seen", "_store")

    def __init__(self, model: Model, store: TupleReader, question: Question) -> None:
        self._model = model
        self._store = store
        self._question = question
        self._judge = condition_judge(model, question.context)
        self._seen: set[tuple[str, str, str]] = {question.state}
        self._pending: Pending = {}
        self._error: CheckError | None = None

    def run(self) -> bool:
        question = self._question
        if question.user_key not in question.relation.reach:
            return False
        object_type, object_id, relation = question.state
        groups = {(object_type, frozenset((relation,))): [object_id]}
        for _ in range(MAX_DEPTH):
            for (kind, asked), ids in groups.items():
                plan = plan_for(self._model, kind, asked, question.user_key)
                if self._step(plan, ids):
                    return True
            if not self._pending:
                if self._error is not None:
                    raise self._error
                return False
            groups = self._regroup()
        raise self._error or ResolutionTooComplex("the check is deeper than the limit")

    def _step(self, plan: Plan, ids: list[str]) -> bool:
        """Read one group of objects; whether the user was found."""
        user = self._question.user
        # The holders of a relation hold it: object#relation of itself.
        if (
            user.relation
            and plan.wanted.object_type == user.type
            and user.relation in plan.closure
            and user.id in ids
        ):
            return True
        relations, judge, user_id = plan.relations, self._judge, user.id
        user_type, user_relation = user.type, user.relation
        for row in self._store.related(plan.wanted, ids, user):
            _, name, kind, holder, userset, condition, context = row
            accepted = relations[name].accepts.get(
                (kind, userset or ("*" if holder == "*" else ""))
            )
            if accepted is None or condition not in accepted:
                continue  # written under an older model
            named = (
                kind == user_type
                and userset == user_relation
                and (holder == user_id or (holder == "*" and not userset))
                and name in plan.direct
            )
            leads: Collection[str]
            if userset:
                leads = (userset,) if (kind, userset) in plan.usersets.get(name, ()) else ()
            else:
                leads = plan.tuplesets.get(name, _NONE).get(kind, ())
            if not named and not leads:
                continue  # the condition of a tuple that leads nowhere is not asked
            if condition and (verdict := judge(condition, context)) is not True:
                self._note(verdict)
            elif named:
                return True
            else:
                self._ask(kind, holder, leads)
        return False

    def _note(self, verdict: Verdict) -> None:
        if verdict is not False and verdict is not True:
            self._error = verdict

    def _ask(self, kind: str, object_id: str, relations: Iterable[str]) -> None:
        for relation in relations:
            state = (kind, object_id, relation)
            if state not in self._seen:
                self._seen.add(state)
                self._pending.setdefault((kind, object_id), set()).add(relation)

    def _regroup(self) -> dict[tuple[str, frozenset[str]], list[str]]:
        """Put objects that are asked the same together: they are read by one statement."""
        if len(self._seen) > MAX_STATES:
            raise self._error or ResolutionTooComplex("the check is wider than the limit")
        groups: dict[tuple[str, frozenset[str]], list[str]] = {}
        for (kind, object_id), relations in self._pending.items():
            groups.setdefault((kind, frozenset(relations)), []).append(object_id)
        self._pending = {}
        return groups
