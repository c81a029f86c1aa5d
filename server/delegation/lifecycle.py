"""Open, narrow and close delegations inside a unit: row, tuples and audit together."""

from dataclasses import replace

from authz.engine.limits import MAX_TUPLES_PER_WRITE
from authz.relations import RelationTuple
from authz.tx import Tx
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import EVERYTHING, Delegation, Detail, consent_subject
from server.domain.unit import Unit


def open_delegation(core: Core, tx: Unit, value: Delegation, *, audit: AuditRecord) -> None:
    """Store a delegation and the tuples of its objects; nothing picked, nothing written."""
    core.rows.delegations.add(tx, value)
    _write_tuples(core, tx, value)
    core.rows.audit.record(tx, replace(audit, grant_id=value.id))


def close_delegation(
    core: Core, tx: Unit, value: Delegation, *, reason: str, audit: AuditRecord
) -> list[str]:
    """Close a delegation and all below it; return the ids that this call closed.

    The rows alone say that a delegation is dead (X11); removing the tuples as well keeps the
    graph free of what nobody may use.
    """
    closed = []
    for row in core.rows.delegations.below(tx, value):
        if core.rows.delegations.close(tx, row.id, now=audit.at, reason=reason):
            _delete_tuples(core, tx, row)
            closed.append(row.id)
            core.rows.audit.record(
                tx,
                replace(
                    audit,
                    tag=AuditTag.DELEGATION_REVOKED,
                    reason=reason,
                    grant_id=row.id,
                    agents=(row.agent_id,),
                    user_id=row.user_id,
                ),
            )
            for extension in _extensions(core, tx, row):
                closed += close_delegation(core, tx, extension, reason=reason, audit=audit)
    return closed


def _extensions(core: Core, tx: Tx, value: Delegation) -> list[Delegation]:
    """Return what the agent was allowed beside this one, and what ends with it."""
    rows = core.rows.delegations.of_pair(tx, value.user_id, value.agent_id)
    return [row for row in rows if row.extends == value.id]


def narrow_delegation(
    core: Core,
    tx: Unit,
    value: Delegation,
    *,
    details: tuple[Detail, ...],
    expires_at: int,
    audit: AuditRecord,
) -> bool:
    """Shrink a delegation for good, and every child with it (X9); false if it was closed.

    Detail numbers must keep their meaning in the graph, so the caller keeps their order and
    empties a detail instead of dropping it. What is not within the old authority is left out.
    """
    kept = shrink(value.details, details)
    until = min(expires_at, value.expires_at)
    narrowed = replace(value, details=kept, expires_at=until)
    if not core.rows.delegations.narrow(tx, narrowed):
        return False
    _delete_tuples(core, tx, value)
    _write_tuples(core, tx, narrowed)
    for child in core.rows.delegations.below(tx, value):
        if child.id == value.id or child.revoked_at is not None:
            continue
        # A child's objects are bounded by the parent's tuples at each decision, since every
        # row of the path is checked; its scopes and expiry shrink here, for display and rows.
        smaller = replace(
            child,
            expires_at=min(child.expires_at, until),
            details=tuple(
                replace(d, scopes=d.scopes & narrowed.reach(d.resource, child.via))
                for d in child.details
            ),
        )
        core.rows.delegations.narrow(tx, smaller)
    for extension in _extensions(core, tx, value):
        # Its whole row is written, so as nobody else is changing it.
        held = core.rows.delegations.below(tx, extension)
        fresh = next((row for row in held if row.id == extension.id), extension)
        if fresh.revoked_at is None and until < fresh.expires_at:
            core.rows.delegations.narrow(tx, replace(fresh, expires_at=until))
    core.rows.audit.record(
        tx,
        replace(
            audit,
            tag=AuditTag.DELEGATION_NARROWED,
            outcome=Outcome.DONE,
            grant_id=value.id,
            agents=(value.agent_id,),
            user_id=value.user_id,
        ),
    )
    return True


def shrink(old: tuple[Detail, ...], wanted: tuple[Detail, ...]) -> tuple[Detail, ...]:
    """Return `old`, each detail cut to what `wanted` has at the same place."""
    kept = []
    for number, detail in enumerate(old):
        want = wanted[number] if number < len(wanted) else None
        if want is None or want.resource != detail.resource:
            kept.append(replace(detail, scopes=frozenset(), objects=()))
            continue
        kept.append(
            replace(
                detail,
                scopes=detail.scopes & want.scopes,
                objects=tuple(o for o in detail.objects if o in want.objects),
            )
        )
    return tuple(kept)


def close_for_session(core: Core, tx: Unit, sid: str, *, audit: AuditRecord) -> list[str]:
    """Close what ends with a session (X9)."""
    closed: list[str] = []
    for grant_id in core.rows.delegations.of_session(tx, sid):
        value = core.rows.delegations.get(tx, grant_id)
        if value is not None:
            closed += close_delegation(core, tx, value, reason="session_ended", audit=audit)
    return closed


def path_of(core: Core, tx: Tx, value: Delegation) -> list[Delegation] | None:
    """Return the rows from the root to `value`, or none if one is missing."""
    rows = [core.rows.delegations.get(tx, grant_id) for grant_id in value.path]
    return [row for row in rows if row is not None] if all(rows) else None


def _write_tuples(core: Core, tx: Unit, value: Delegation) -> None:
    writes = [
        RelationTuple(consent_subject(value.id, number), "consented", name)
        for number, detail in enumerate(value.details)
        for name in detail.objects
        if name != EVERYTHING
    ]
    for start in range(0, len(writes), MAX_TUPLES_PER_WRITE):
        core.relations.write(tx, writes[start : start + MAX_TUPLES_PER_WRITE])


def _delete_tuples(core: Core, tx: Unit, value: Delegation) -> None:
    for number in range(len(value.details)):
        core.relations.delete_user(tx, consent_subject(value.id, number))
