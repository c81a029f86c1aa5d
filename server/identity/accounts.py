"""Accounts as an administrator sees them: listed, disabled, enabled."""

from dataclasses import dataclass, replace

from authz.tx import Tx
from server.domain.audit import AuditRecord, AuditTag, Cursor, Outcome
from server.domain.core import Core
from server.domain.people import OPERATOR, Role, User, UserStatus
from server.domain.unit import Unit
from server.identity.sessions import end_in_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person in the administrator's list. `last_seen_at`: last sign-in (Unix ms) or none."""

    user: User
    live: int
    last_seen_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change of an account did; `sessions` and `delegations` that it ended."""

    done: bool
    sessions: int = 0
    delegations: int = 0


class NotAllowed:
    """The one who asks is no administrator now, or it is about themselves, or nobody is there."""


async def search_people(
    core: Core, text: str, *, before: Cursor | None, limit: int
) -> list[Person]:
    """Return people whose name or address contains `text`, or whose id it is, newest first."""
    now = core.clock.now()

    def load(tx: Tx) -> list[Person]:
        return [
            Person(
                user=user,
                live=core.rows.delegations.count_live(tx, now, user_id=user.id),
                last_seen_at=core.rows.sessions.last_sign_in(tx, user.id),
            )
            for user in core.rows.users.search(tx, text, limit, before=before)
        ]

    return await core.store.read(load)


async def set_status(
    core: Core, user_id: str, status: UserStatus, *, admin: User, reason: str = ""
) -> Changed | NotAllowed:
    """Disable or enable an account.

    Disabling kills everything done for the person at once (every decision reads the account),
    and ends their sessions for good. Enabling brings back what did not end by that.
    """
    now = core.clock.now()

    def work(tx: Unit) -> Changed | NotAllowed:
        if not is_admin_now(core, tx, admin.id) or admin.id == user_id:
            return NotAllowed()
        user = core.rows.users.get(tx, user_id)
        if user is None:
            return NotAllowed()
        if user.status is status:
            return Changed(done=False)
        core.rows.users.update(tx, replace(user, status=status))
        ended = closed = 0
        if status is UserStatus.DISABLED:
            for session in core.rows.sessions.of_user(tx, user_id):
                gone = end_in_unit(core, tx, session, now=now, reason="user_disabled")
                ended += gone is not None
                closed += len(gone or [])
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.USER_CHANGED,
                outcome=Outcome.DONE,
                at=now,
                reason=status.value,
                user_id=user_id,
                detail={"by": admin.id},
                personal={"why": reason} if reason else {},
            ),
        )
        return Changed(done=True, sessions=ended, delegations=closed)

    return await core.store.write(work)


def is_admin_now(core: Core, tx: Tx, user_id: str) -> bool:
    """Tell whether somebody is an active administrator, as of this transaction."""
    if user_id == OPERATOR.id:
        return True
    user = core.rows.users.get(tx, user_id)
    return user is not None and user.role is Role.ADMIN and user.status is UserStatus.ACTIVE
