"""The delegation that an enterprise's policy makes for a person: found again, or opened.

What the person or an administrator took back stays taken: a revoked row lets no other be opened
until they lift that, and a narrowed one bounds every row that follows it (X9).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from authz.decision import Denied
from server.delegation.lifecycle import open_delegation, shrink
from server.delegation.standing import PathStanding, path_standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.issuers import Allowance
from server.domain.refusal import Refused
from server.domain.registry import Agent, Resource
from server.domain.unit import ChangeKey, StaleSnapshotError, Unit
from server.protocol.assertions import bad_assertion
from server.protocol.grants.base import TokenRequest
from server.protocol.grants.enterprise_user import Person


@dataclass(frozen=True, slots=True)
class Stand:
    """The row that a token rests on; without `path` it is new and `inserts` opens it."""

    row: Delegation
    path: PathStanding | None
    inserts: tuple[Callable[[Unit], None], ...] = ()

    @property
    def depends(self) -> frozenset[ChangeKey]:
        """Return what was believed about it."""
        return frozenset() if self.path is None else self.path.depends


async def stand_for(
    core: Core,
    request: TokenRequest,
    agent: Agent,
    issuer_id: str,
    allowance: Allowance,
    resource: Resource,
    person: Person,
) -> Stand | Refused:
    """Return the row by which `issuer_id` allows the agent the resource, for this person."""
    user_id = person.user.id
    every = await core.store.read_row(
        lambda tx: core.rows.delegations.vouched_for(tx, user_id, agent.id)
    )
    rows = [row for row in every if allowance.resource in row.resources]
    if any(row.taken_back(request.now) for row in rows):
        return bad_assertion("delegation_revoked")
    standing = [
        row
        for row in rows
        if row.live(request.now) and row.origin == issuer_id and row.client_id == request.client.id
    ]
    if standing:
        path = await path_standing(core, standing[-1].id, request.now, issued_at=request.now)
        if isinstance(path, Denied):
            return bad_assertion(path.reason.value, detail=path.detail)
        row = path.path[-1]
        return Stand(row, path, (_Opening(core, request, None, person, every),))
    row = _new(core, request, agent, issuer_id, allowance, resource, person, rows)
    return Stand(row, None, (_Opening(core, request, row, person, every),))


def _new(
    core: Core,
    request: TokenRequest,
    agent: Agent,
    issuer_id: str,
    allowance: Allowance,
    resource: Resource,
    person: Person,
    rows: Sequence[Delegation],
) -> Delegation:
    grant_id = core.entropy.id("dlg")
    details = (
        Detail(
            resource=allowance.resource,
            scopes=resource.closed(allowance.scopes),
            objects=allowance.objects,
        ),
    )
    row = Delegation(
        id=grant_id,
        user_id=person.user.id,
        agent_id=agent.id,
        client_id=request.client.id,
        details=details,
        path=(grant_id,),
        purpose=agent.purpose,
        created_at=request.now,
        expires_at=request.now + core.policy.delegation_max_ttl * 1000,
        origin=issuer_id,
    )
    for earlier in reversed(rows):
        if earlier.lifted:
            break
        if earlier.cut:
            row = replace(row, details=shrink(details, earlier.details), cut=True)
            if earlier.shortened:
                end = min(row.expires_at, earlier.expires_at)
                row = replace(row, shortened=True, expires_at=end)
            return row
    return row


class _Opening:
    """Open the row and store the link when the unit runs, unless things have changed."""

    def __init__(
        self,
        core: Core,
        request: TokenRequest,
        row: Delegation | None,
        person: Person,
        seen: list[Delegation],
    ) -> None:
        self._core = core
        self._row = row
        self._person = person
        self._seen = seen
        self._request = request

    def __call__(self, tx: Unit) -> None:
        """Raises `StaleSnapshotError` if another request or the person came first."""
        core, row = self._core, self._row
        if row is not None:
            # One assertion of a person at a time; a revocation closes rows that are then seen here.
            core.rows.users.held(tx, row.user_id)
            if core.rows.delegations.vouched_for(tx, row.user_id, row.agent_id) != self._seen:
                raise StaleSnapshotError
        self._person.remember(core, tx)
        if row is None:
            return
        request = self._request
        scopes = sorted({scope for detail in row.details for scope in detail.scopes})
        open_delegation(
            core, tx, row,
            audit=AuditRecord(
                tag=AuditTag.DELEGATION_CREATED, outcome=Outcome.DONE, at=request.now,
                user_id=row.user_id, agents=(row.agent_id,), client_id=row.client_id,
                request_id=request.request_id,
                detail={"issuer": row.origin or "", "scope": " ".join(scopes)},
            ),
        )  # fmt: skip
