"""The tuple nearest to allowing: the one that stands the fewest steps from the object."""

from collections import deque
from collections.abc import Iterator

from authz.engine.check import check
from authz.engine.limits import MAX_NEAREST_TRIED, MAX_NEAREST_TUPLES
from authz.engine.query import Query, State
from authz.engine.tuples import admit
from authz.engine.why.evidence import Evidence
from authz.engine.why.reading import Counted
from authz.errors import CheckError, InvalidTuple
from authz.model.schema import Computed, Direct, TupleToUserset, signed_leaves
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay
from authz.stores.protocol import TupleReader


def nearest(evidence: Evidence, store: TupleReader, query: Query) -> RelationTuple | None:
    """Return one tuple for the user that turns the answer into yes: each is tried by a check.

    None if a bounded number of tries finds none; a condition counts only with what the request
    brings, since nobody can guess the rest.
    """
    tried = 0
    counted = Counted(store)
    for candidate in _candidates(evidence, query):
        try:
            given = admit(evidence.model, candidate)
        except InvalidTuple:
            continue
        if tried == MAX_NEAREST_TRIED or counted.count > MAX_NEAREST_TUPLES:
            return None
        tried += 1
        try:
            if check(evidence.model, Overlay(counted, MemoryTuples([given])), query):
                return candidate
        except CheckError:
            continue
    return None


def _candidates(evidence: Evidence, query: Query) -> Iterator[RelationTuple]:
    """Name the user in every relation that was looked at and gains by it, from the object on."""
    user = evidence.user
    kind = (user.type, user.relation or ("*" if user.id == "*" else ""))
    waiting: deque[tuple[State, bool]] = deque([(evidence.root, True)])
    seen = {(evidence.root, True)}
    while waiting:
        state, gains = waiting.popleft()
        relation = evidence.relation(state)
        if not evidence.reachable(state):
            continue
        for leaf, sign in signed_leaves(relation.rewrite, gains=gains):
            if isinstance(leaf, Direct) and sign and not evidence.stored(state, user):
                for condition in sorted(relation.accepts.get(kind, ())):
                    name = f"{state[0]}:{state[1]}"
                    yield RelationTuple(query.user, state[2], name, condition)
            for following in _following(evidence, state, leaf):
                if (following, sign) not in seen and evidence.was_read(following):
                    seen.add((following, sign))
                    waiting.append((following, sign))


def _following(
    evidence: Evidence, state: State, leaf: Direct | Computed | TupleToUserset
) -> Iterator[State]:
    if isinstance(leaf, Computed):
        yield (state[0], state[1], leaf.relation)
        return
    edges = evidence.direct(state) if isinstance(leaf, Direct) else evidence.parents(state, leaf)
    for edge in edges:
        if edge.lead is not None and edge.verdict is True:
            yield edge.lead
