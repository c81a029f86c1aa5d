"""Browser sessions: opened, renewed under a new cookie at each sign-in, ended with what hangs on.

The cookie is known by its hash alone. A person who signs in again in the same browser keeps the
session (`sid`), so that delegations which live as long as it go on, but the old cookie is dead;
anybody else gets a new session and the old one ends.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from server.delegation.lifecycle import close_for_session
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.people import Session, User
from server.domain.unit import Unit
from server.identity.authenticators import Factor, strength


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that is about to be stored, and the cookie that opens it."""

    session: Session
    cookie: str

    def __repr__(self) -> str:
        """Name the session only: the cookie is a secret."""
        return f"NewSession({self.session.id})"


def prepare_session(core: Core, user: User, proven: Collection[Factor]) -> NewSession:
    """Make a session with a fresh cookie; it ends `policy.session_ttl` from now at the latest."""
    now = core.clock.now()
    cookie = core.entropy.token(32)
    acr, amr = strength(proven)
    session = Session(
        id=core.entropy.id("sid"),
        cookie_hash=hash_secret(cookie),
        user_id=user.id,
        auth_time=now,
        acr=acr,
        amr=amr,
        created_at=now,
        expires_at=now + core.policy.session_ttl * 1000,
    )
    return NewSession(session, cookie)


def store_session(core: Core, tx: Unit, new: Session, *, instead_of: str | None) -> Session:
    """Store a session in the unit of a sign-in and return it as stored.

    `instead_of` is the `sid` that this browser had until now, if any.
    """
    old = None if instead_of is None else core.rows.sessions.get(tx, instead_of)
    if old is not None and old.user_id == new.user_id and old.alive(new.auth_time):
        renewed = replace(new, id=old.id, created_at=old.created_at)
        if core.rows.sessions.renew(tx, renewed):
            return renewed
    elif old is not None:
        end_in_unit(core, tx, old, now=new.auth_time, reason="replaced")
    core.rows.sessions.add(tx, new)
    return new


def end_in_unit(
    core: Core, tx: Unit, session: Session, *, now: int, reason: str
) -> list[str] | None:
    """End a session and the delegations that end with it (X9); none if it had ended before."""
    if not core.rows.sessions.end(tx, session.id, now):
        return None
    record = AuditRecord(
        tag=AuditTag.SIGNED_OUT,
        outcome=Outcome.DONE,
        at=now,
        reason=reason,
        user_id=session.user_id,
        detail={"sid": session.id},
    )
    core.rows.audit.record(tx, record)
    return close_for_session(core, tx, session.id, audit=record)


async def end_session(core: Core, session: Session, *, reason: str = "signed_out") -> int:
    """Sign out; return how many delegations ended with the session."""
    now = core.clock.now()
    closed = await core.store.write(
        lambda tx: end_in_unit(core, tx, session, now=now, reason=reason)
    )
    return len(closed or [])
