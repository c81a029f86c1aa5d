"""The tuples that a check with `and` or `but not` needs, gathered level by level for all of it.

One statement a level and group of objects, for every branch of every question at once: the cost
of `but not` is that of its tuples, not of its branches.
"""

from collections.abc import Iterable

from authz.engine.conditions import Context
from authz.engine.limits import MAX_STATES
from authz.engine.plans import Plan, plan_for
from authz.engine.query import State, Verdict, condition_judge
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.model.subject import Subject
from authz.stores.protocol import TupleReader


class Found:
    """What the tuples of one object and relation say about the user."""

    __slots__ = ("error", "holds", "leads")

    def __init__(self) -> None:
        self.holds = False
        """The user, or everyone of the user's type, is named by a tuple."""
        self.leads: list[State] = []
        """Usersets named by tuples: holding one of these is holding this."""
        self.error: CheckError | None = None
        """A condition of one of the tuples could not be evaluated."""


NOTHING = Found()


class Facts:
    """What has been read for one user and context; grows a level at a time."""

    def __init__(
        self, model: Model, store: TupleReader, user: Subject, context: Context | None
    ) -> None:
        self._model = model
        self._store = store
        self._user = user
        self._user_key = (user.type, user.relation)
        self._judge = condition_judge(model, context)
        self._asked: set[State] = set()
        self._next: set[State] = set()
        self._named = False
        self.read: set[State] = set()
        """States whose tuples are known."""
        self.direct: dict[State, Found] = {}
        self.parents: dict[State, Found] = {}
        """By object and tupleset relation: `leads` are (type, id, "") of the objects there."""

    def ask(self, states: Iterable[State]) -> None:
        """Put states on the next level."""
        for state in states:
            if state not in self._asked:
                self._asked.add(state)
                self._next.add(state)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to read."""
        return not self._next

    def level(self) -> bool:
        """Read everything that is asked, and note what that asks in turn.

        Returns whether a tuple named the user: only then could an answer be settled early.
        """
        self._named = False
        if len(self._asked) > MAX_STATES:
            raise ResolutionTooComplex("the check is wider than the limit")
        relations: dict[tuple[str, str], set[str]] = {}
        for kind, object_id, relation in self._next:
            relations.setdefault((kind, object_id), set()).add(relation)
        self._next = set()
        groups: dict[tuple[str, frozenset[str]], list[str]] = {}
        for (kind, object_id), asked in relations.items():
            groups.setdefault((kind, frozenset(asked)), []).append(object_id)
        for (kind, names), ids in groups.items():
            self._group(plan_for(self._model, kind, names, self._user_key), ids)
        return self._named

    def _group(self, plan: Plan, ids: list[str]) -> None:
        kind = plan.wanted.object_type
        known = {(kind, object_id, name) for object_id in ids for name in plan.closure}
        for row in self._store.related(plan.wanted, ids, self._user):
            object_id, name, user_type, user_id, userset, condition, context = row
            accepted = plan.relations[name].accepts.get(
                (user_type, userset or ("*" if user_id == "*" else ""))
            )
            if accepted is None or condition not in accepted:
                continue  # written under an older model
            verdict = self._judge(condition, context) if condition else True
            if verdict is False:
                continue
            state = (kind, object_id, name)
            user = self._user
            if (
                name in plan.direct
                and user_type == user.type
                and userset == user.relation
                and (user_id == user.id or (user_id == "*" and not userset))
            ):
                found = self.direct.setdefault(state, Found())
                if verdict is True:
                    found.holds = self._named = True
                else:
                    found.error = verdict
            if userset:
                if (user_type, userset) in plan.usersets.get(name, ()):
                    found = self.direct.setdefault(state, Found())
                    if verdict is True:
                        lead = (user_type, user_id, userset)
                        found.leads.append(lead)
                        self.ask((lead,))
                    else:
                        found.error = verdict
            elif name in plan.tuplesets:
                self._parent(plan, state, (user_type, user_id, ""), verdict)
        self.read |= known

    def _parent(self, plan: Plan, state: State, parent: State, verdict: Verdict) -> None:
        targets = plan.tuplesets[state[2]].get(parent[0])
        if targets is None:
            return
        found = self.parents.setdefault(state, Found())
        if verdict is True:
            if parent not in found.leads:
                found.leads.append(parent)
            self.ask((parent[0], parent[1], computed) for computed in targets)
        elif isinstance(verdict, CheckError):
            found.error = verdict
