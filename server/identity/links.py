"""The one-time link that makes the first administrator: looking at it never uses it up."""

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.people import Role
from server.domain.unit import Unit
from server.identity.passwords import Passwords
from server.identity.sign_up import (
    AccountReady,
    BadSignUp,
    NewPerson,
    SignUpFault,
    check_person,
    make_user,
)

FIRST_ADMIN = "first_admin"
LINK_TTL = 24 * 3600
"""How long a link can be used, in seconds."""


class LinkGone:
    """The link is unknown, used or too old; which of these is not said."""


async def make_admin_link(core: Core, *, email: str = "", ttl: int = LINK_TTL) -> str:
    """Store a link for `email` (any address, if empty) and return its URL, shown once."""
    secret = core.entropy.token(32)
    expires_at = core.clock.now() + ttl * 1000
    await core.store.write(
        lambda tx: core.rows.links.add(tx, hash_secret(secret), FIRST_ADMIN, email, expires_at)
    )
    return f"{core.policy.issuer}/setup?link={secret}"


async def peek_admin_link(core: Core, secret: str) -> str | None:
    """Return the address that a usable link names ("" for any), without using it."""
    now = core.clock.now()
    return await core.store.read(
        lambda tx: core.rows.links.peek(tx, hash_secret(secret), FIRST_ADMIN, now)
    )


class _TakenMeanwhileError(Exception):
    """Somebody took the address in between: undo the unit, the link included."""


async def use_admin_link(
    core: Core, passwords: Passwords, *, secret: str, person: NewPerson
) -> AccountReady | BadSignUp | LinkGone:
    """Make an administrator and use the link up, both or neither.

    An address that has an account is refused: whoever made that account, unverified as it is,
    would become administrator. The holder of the link may know that it is taken.
    """
    email = await peek_admin_link(core, secret)
    if email is None:
        return LinkGone()
    if email:
        person = NewPerson(name=person.name, email=email, password=person.password)
    if (bad := check_person(person)) is not None:
        return bad
    user = await make_user(core, passwords, person, role=Role.ADMIN, vouched=True)
    now = core.clock.now()

    def work(tx: Unit) -> AccountReady | BadSignUp | LinkGone:
        if core.rows.users.by_email(tx, user.email_key) is not None:
            return BadSignUp(SignUpFault.TAKEN, "email")
        if core.rows.links.use(tx, hash_secret(secret), FIRST_ADMIN, now) is None:
            return LinkGone()
        if not core.rows.users.add(tx, user):
            raise _TakenMeanwhileError
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.LINK_USED,
                outcome=Outcome.DONE,
                at=now,
                user_id=user.id,
                detail={"purpose": FIRST_ADMIN},
            ),
        )
        return AccountReady()

    try:
        return await core.store.write(work)
    except _TakenMeanwhileError:
        return BadSignUp(SignUpFault.TAKEN, "email")
