"""Tuples that an operator brings in from another server, each write with its audit."""

from collections.abc import Sequence

from authz.engine.limits import MAX_TUPLES_PER_WRITE
from authz.model.compiled import Model
from authz.model.compose import core_model_text
from authz.relations import RelationTuple
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.unit import Unit


def own_types() -> frozenset[str]:
    """Return the types of Mandate's own model, which no other server may speak of."""
    return frozenset(Model.from_dsl(core_model_text()).types)


async def write_imported(core: Core, tuples: Sequence[RelationTuple], *, by: str) -> None:
    """Write tuples that fit the model, a bounded number a unit; what is there already stays.

    Run again it goes on where it was stopped. Raises WriteError if the model changed meanwhile.
    """
    for start in range(0, len(tuples), MAX_TUPLES_PER_WRITE):
        part = tuples[start : start + MAX_TUPLES_PER_WRITE]
        await core.store.write(lambda tx, part=part: _unit(core, tx, part, by))  # type: ignore[misc]


def _unit(core: Core, tx: Unit, part: Sequence[RelationTuple], by: str) -> None:
    core.relations.write(tx, part, on_duplicate="ignore")
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.RELATIONS,
            outcome=Outcome.DONE,
            at=core.clock.now(),
            reason="imported",
            object=" ".join(sorted({given.object for given in part})),
            detail={
                "by": by,
                "written": " ".join(f"{t.user}|{t.relation}|{t.object}" for t in part),
            },
        ),
    )
