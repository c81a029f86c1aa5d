"""An agent gives back what it holds: shrinking is all that it may do to a delegation (X9, X10)."""

from dataclasses import dataclass

from server.delegation.lifecycle import close_delegation
from server.delegation.standing import Standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation
from server.domain.tokens import TokenKind
from server.domain.unit import Unit
from server.services.withdraw import Keep, NotYours, Revoked, edge_value, narrow_in

RELEASED = "released"
"""Why a delegation ended that its agent gave back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """What goes; all else stays. `expires_at` is Unix ms."""

    scopes: frozenset[str]
    objects: frozenset[str]
    expires_at: int | None = None


async def release(
    core: Core, alive: Standing, grant_id: str, given_up: GivenUp | None
) -> Revoked | bool | NotYours:
    """Close a delegation with all below it (`given_up` none), or narrow it.

    It is the agent's own, or one that was handed on from its own; with a person's token in hand,
    that person's. Anything else is as an unknown one. Narrowing answers false if nothing changed.
    Raises `UnavailableError`.
    """
    now = core.clock.now()

    def work(tx: Unit) -> Revoked | bool | NotYours:
        value = core.rows.delegations.get(tx, grant_id)
        if value is None or not _holds(core, tx, alive, value):
            return NotYours()
        record = AuditRecord(
            tag=AuditTag.DELEGATION_REVOKED,
            outcome=Outcome.DONE,
            at=now,
            reason=RELEASED,
            user_id=value.user_id,
            agents=alive.chain,
            client_id=alive.client.id,
            grant_id=value.id,
            detail={"by": alive.agents[-1].id, "jti": alive.record.jti},
        )
        if given_up is None:
            return Revoked(len(close_delegation(core, tx, value, reason=RELEASED, audit=record)), 0)
        return narrow_in(core, tx, value, keep_all_but(value, given_up), record, cut=False)

    return await core.store.write(work)


def _holds(core: Core, tx: Unit, alive: Standing, value: Delegation) -> bool:
    if alive.record.kind is TokenKind.DELEGATED and value.user_id != alive.record.sub:
        return False
    agent_id = alive.agents[-1].id
    path = [core.rows.delegations.get(tx, step) for step in value.path]
    return any(row is not None and row.agent_id == agent_id for row in path)


def keep_all_but(value: Delegation, given_up: GivenUp) -> Keep:
    """Say what stays of a delegation, as narrowing asks for it."""
    return Keep(
        scopes={s for d in value.details for s in d.scopes} - given_up.scopes,
        objects={o for d in value.details for o in d.objects} - given_up.objects,
        hand_over=value.allow_agents,
        downstream=[edge_value(edge) for edge in value.allow_edges],
        sharing=value.allow_sharing,
        expires_at=given_up.expires_at,
    )
