"""Which tuples of a remote OpenFGA store may become ours."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from authz.engine.tuples import admit_to_store
from authz.errors import WriteError
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.timed import brings_time

OWNED_RELATIONS = frozenset({"consented", "ceiling"})
"""Consents and ceilings are Mandate's own: nobody else may say what a person agreed to (X10)."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Tuples of theirs that we do not have. `refused` says for each why the model does not fit."""

    admitted: list[RelationTuple] = field(default_factory=list)
    owned: list[RelationTuple] = field(default_factory=list)
    refused: list[tuple[RelationTuple, str]] = field(default_factory=list)


def sort(model: Model, own_types: frozenset[str], theirs: Iterable[RelationTuple]) -> Sorted:
    """Tell apart what may come in, what is never taken from outside, and what does not fit.

    `own_types` are the types of Mandate itself: what is said about their objects is its own.
    """
    found = Sorted()
    for given in theirs:
        if _is_owned(own_types, given):
            found.owned.append(given)
            continue
        if brings_time(given.context):
            found.refused.append((given, "the time of a decision is the server's"))
            continue
        try:
            admit_to_store(model, given)
        except WriteError as error:
            found.refused.append((given, str(error)))
        else:
            found.admitted.append(given)
    return found


def _is_owned(own_types: frozenset[str], given: RelationTuple) -> bool:
    return (
        given.relation in OWNED_RELATIONS
        or given.object.partition(":")[0] in own_types
        or given.user.partition(":")[0] == "consent"
    )
