"""The row below a delegation that a hop rests on: found again, or made in the unit (X4, X9)."""

from dataclasses import dataclass

from server.delegation.lifecycle import open_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.refusal import Refused, invalid_target
from server.domain.registry import Agent
from server.domain.unit import ChangeKey, StaleSnapshotError, Unit
from server.protocol.grants.base import TokenRequest

MAX_HELPERS = 200
"""Live rows right below one delegation: an agent must not make its person's tree endless."""

_TAKEN_BACK = frozenset({"user", "admin", "hand_over_withdrawn"})


@dataclass(frozen=True, slots=True)
class Hop:
    """The row of a hop. `inserts` and `depends` go into the unit that mints its token."""

    row: Delegation
    depends: frozenset[ChangeKey]
    inserts: tuple["_Opening", ...]


def make_child(
    core: Core,
    request: TokenRequest,
    parent: Delegation,
    agent: Agent,
    details: tuple[Detail, ...],
) -> Delegation:
    """Return a row below `parent` that may pass nothing on."""
    grant_id = core.entropy.id("dlg")
    return Delegation(
        id=grant_id,
        user_id=parent.user_id,
        agent_id=agent.id,
        client_id=request.client.id,
        details=details,
        path=(*parent.path, grant_id),
        purpose=parent.purpose,
        allow_sharing=parent.allow_sharing,
        sid=parent.sid,
        created_at=request.now,
        expires_at=parent.expires_at,
    )


async def find_hop(
    core: Core,
    request: TokenRequest,
    parent: Delegation,
    child: Delegation,
    chain: tuple[str, ...],
    *,
    exact: bool,
) -> Hop | Refused:
    """Return the live row that says the very same, so that repeating a hop adds none; else a new.

    What the person took from this agent at this place stays taken (X9): a row that they revoked
    lets no other be made, and one that they cut is the most that there is. It stands in for what
    was asked, unless the agent asked for exact details (`exact`), which it may not be within.
    """
    tree = await core.store.read(lambda tx: core.rows.delegations.tree(tx, child.path[0]))
    beside = [row for row in tree if row.path[:-1] == child.path[:-1]]
    own = [row for row in beside if row.agent_id == child.agent_id]
    live = [row for row in own if row.live(request.now)]
    same = next((row for row in live if _says_the_same(row, child)), None)
    if same is None and any(row.revoked_reason in _TAKEN_BACK for row in own):
        return invalid_target("handover_not_consented", "The user took this hand-over back.")
    if same is None and any(row.cut for row in own):
        same = next((row for row in live if row.cut), None)
        if same is None or exact:
            return invalid_target("handover_not_consented", "The user took this hand-over back.")
    if same is not None:
        return Hop(same, frozenset({("delegation", same.id)}), ())
    if sum(row.live(request.now) for row in beside) >= MAX_HELPERS:
        return invalid_target("too_many_helpers", "Too much was handed on already.")
    return Hop(child, frozenset(), (_Opening(core, request, parent, child, chain),))


def _says_the_same(row: Delegation, child: Delegation) -> bool:
    return (
        row.client_id == child.client_id
        and row.details == child.details
        and row.expires_at == child.expires_at
        and row.via == child.via
    )


class _Opening:
    """Insert a child delegation when the unit runs."""

    def __init__(
        self,
        core: Core,
        request: TokenRequest,
        parent: Delegation,
        child: Delegation,
        chain: tuple[str, ...],
    ) -> None:
        self._core = core
        self._parent = parent
        self._child = child
        self._audit = AuditRecord(
            tag=AuditTag.DELEGATION_CREATED,
            outcome=Outcome.DONE,
            at=request.now,
            user_id=child.user_id,
            agents=chain,
            client_id=request.client.id,
            grant_id=child.id,
            request_id=request.request_id,
            detail={"parent": parent.id},
        )

    def __call__(self, tx: Unit) -> None:
        """Open the row. Raises `StaleSnapshotError` if its parent has changed."""
        # The tree is locked first: whoever narrows or closes it has done so, and then the parent
        # is another one, or waits and then finds this row as well.
        below = self._core.rows.delegations.below(tx, self._parent)
        if self._parent not in below:
            raise StaleSnapshotError
        open_delegation(self._core, tx, self._child, audit=self._audit)
