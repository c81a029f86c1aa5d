"""The desks of a person, about their own, and of an administrator, about everyone's (X10)."""

from typing import Final, Literal

from authz.tx import Tx
from mcp_tools.tools.answers import Approvals, Delegations, Denied, Events, Released
from mcp_tools.tools.desks import Cut
from mcp_tools.tools.refusal import Refusal
from server.domain.audit import AuditFilter, AuditPage, Cursor
from server.domain.core import Core
from server.domain.delegation import Delegation, DelegationQuery, State
from server.domain.people import User
from server.domain.tokens import TokenKind
from server.identity.accounts import is_admin_now
from server.own_mcp.asking import PAGE, asking, failing_closed, read_cursor, unknown_delegation
from server.own_mcp.describing import approvals_of, events_of, page_of
from server.own_mcp.shrinking import given_up, remaining
from server.services.approvals import Answer, answer_approval, my_approvals
from server.services.release import keep_all_but
from server.services.review import search_delegations
from server.services.withdraw import By, NotYours, narrow, revoke

_TOLD: Final[dict[Answer, Literal["denied", "answered_before", "expired"]]] = {
    Answer.DENIED: "denied",
    Answer.ANSWERED_BEFORE: "answered_before",
    Answer.EXPIRED: "expired",
    Answer.ENDED: "expired",
}
_NO_ADMIN: Final = "only an administrator may do this"


async def _person(core: Core, jti: str) -> User:
    """Return who calls with a token of their own, without any agent in it."""
    alive = await asking(core, jti, TokenKind.USER)
    if alive.user is None:
        raise AssertionError("a person's token names a person")
    return alive.user


class People:
    """Implements `mcp_tools.tools.desks.PersonDesk`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @failing_closed
    async def delegations(self, jti: str, *, ended: bool, cursor: str | None) -> Delegations:
        user = await _person(self._core, jti)
        state = State.ENDED if ended else State.STANDING
        query = DelegationQuery(user_id=user.id, state=state, before=read_cursor(cursor))
        return page_of(await search_delegations(self._core, query, PAGE))

    @failing_closed
    async def narrow(self, jti: str, grant_id: str, cut: Cut) -> Released:
        user = await _person(self._core, jti)
        core = self._core
        value = await core.store.read_row(lambda tx: _own(core, tx, grant_id, user))
        if value is None:
            unknown_delegation()
        keep = keep_all_but(value, given_up(core, cut))
        if isinstance(await narrow(core, grant_id, keep, By(user=user)), NotYours):
            unknown_delegation()
        return Released(grant_id=grant_id, closed=0, remains=await remaining(core, grant_id))

    @failing_closed
    async def revoke(self, jti: str, grant_id: str) -> Released:
        user = await _person(self._core, jti)
        done = await revoke(self._core, grant_id, By(user=user))
        if isinstance(done, NotYours):
            unknown_delegation()
        return Released(grant_id=grant_id, closed=done.closed, remains=None)

    @failing_closed
    async def approvals(self, jti: str) -> Approvals:
        user = await _person(self._core, jti)
        waiting, _ = await my_approvals(self._core, user.id)
        return approvals_of(self._core, waiting)

    @failing_closed
    async def deny(self, jti: str, approval_id: str) -> Denied:
        alive = await asking(self._core, jti, TokenKind.USER)
        # In the session that the token comes from; a yes is for the person at the page alone.
        answer = await answer_approval(
            self._core, approval_id, user_id=alive.record.sub, sid=alive.record.sid or "", yes=False
        )
        if answer is Answer.SIGN_IN:
            raise Refusal("session_ended", "this needs a sign-in that still stands", "consent")
        if answer not in _TOLD:
            raise Refusal("approval_unknown", "there is no such question to you")
        return Denied(approval_id=approval_id, outcome=_TOLD[answer])

    @failing_closed
    async def activity(self, jti: str, *, grant_id: str, cursor: str | None) -> Events:
        user = await _person(self._core, jti)
        wanted = AuditFilter(user_id=user.id, grant_id=grant_id)
        return events_of(await _audit(self._core, wanted, read_cursor(cursor)))


class Admins:
    """Implements `mcp_tools.tools.desks.AdminDesk`; who is an administrator is read each time."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def _admin(self, jti: str) -> User:
        user, core = await _person(self._core, jti), self._core
        if not await core.store.read_row(lambda tx: is_admin_now(core, tx, user.id)):
            raise Refusal("access_denied", _NO_ADMIN)
        return user

    @failing_closed
    async def delegations(
        self, jti: str, *, text: str, user_id: str, agent_id: str, ended: bool, cursor: str | None
    ) -> Delegations:
        await self._admin(jti)
        query = DelegationQuery(
            user_id=user_id,
            agent_id=agent_id,
            text=text,
            state=State.ENDED if ended else State.STANDING,
            before=read_cursor(cursor),
        )
        return page_of(await search_delegations(self._core, query, PAGE))

    @failing_closed
    async def revoke(self, jti: str, grant_id: str, why: str) -> Released:
        admin = await self._admin(jti)
        done = await revoke(self._core, grant_id, By(user=admin, as_admin=True, reason=why))
        if isinstance(done, NotYours):
            unknown_delegation()
        return Released(grant_id=grant_id, closed=done.closed, remains=None)

    @failing_closed
    async def audit(
        self, jti: str, *, user_id: str, agent_id: str, grant_id: str, cursor: str | None
    ) -> Events:
        await self._admin(jti)
        wanted = AuditFilter(user_id=user_id, agent_id=agent_id, grant_id=grant_id)
        return events_of(await _audit(self._core, wanted, read_cursor(cursor)))


def _own(core: Core, tx: Tx, grant_id: str, user: User) -> Delegation | None:
    value = core.rows.delegations.get(tx, grant_id)
    return value if value is not None and value.user_id == user.id else None


async def _audit(core: Core, wanted: AuditFilter, before: Cursor | None) -> AuditPage:
    return await core.store.read(
        lambda tx: core.rows.audit.search(tx, wanted, before=before, limit=PAGE)
    )
