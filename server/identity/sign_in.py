"""Sign-in with address and password: the same work and the same answer for every failure."""

from dataclasses import dataclass, replace

from server.defence.slow_down import SlowDown, Wait
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.people import Session, User, UserStatus
from server.domain.unit import Unit
from server.identity.addresses import email_key
from server.identity.authenticators import Factor, Step, next_step
from server.identity.passwords import Passwords
from server.identity.sessions import prepare_session, store_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """What is known of the browser that tries."""

    address: str
    """Its source address, for the counters and the audit's personal part."""
    device: str | None = None
    """Its cookie of an earlier sign-in, unchecked."""
    sid: str | None = None
    """The session it holds now, which this sign-in renews or ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The session that was made and the cookies to set."""

    session: Session
    user: User
    cookie: str
    device: str

    def __repr__(self) -> str:
        """Name the session only: the cookies are secrets."""
        return f"SignedIn({self.session.id})"


@dataclass(frozen=True, slots=True)
class WrongSignIn:
    """Address and password do not belong together; why is not said to anybody."""


async def sign_in(
    core: Core,
    passwords: Passwords,
    slow_down: SlowDown,
    *,
    email: str,
    password: str,
    browser: Browser,
    interaction_id: str | None = None,
) -> SignedIn | WrongSignIn | Wait:
    """Sign a person in, for a waiting authorization of this browser if one is named.

    Raises `UnavailableError` when the database or the line of passwords is full.
    """
    key = email_key(email)
    attempt = await slow_down.sign_in(
        core, account=key, address=browser.address, device=browser.device
    )
    if isinstance(attempt, Wait):
        return attempt
    user = await core.store.read(lambda tx: core.rows.users.by_email(tx, key))
    verdict = await passwords.verify(password, user.password_hash if user else None)
    if user is None or not verdict.right or user.status is not UserStatus.ACTIVE:
        await _refused(core, user, browser)
        return WrongSignIn()
    proven = (Factor.PASSWORD,)
    if next_step(proven) is not Step.DONE:  # a second factor would be asked for here
        return WrongSignIn()
    fresh_hash = await passwords.hash(password) if verdict.outdated else None
    new = prepare_session(core, user, proven)
    device = slow_down.device_cookie(core, key)

    def work(tx: Unit) -> Session | None:
        # Disabled, or given another password, since it was read: that counts.
        now_user = core.rows.users.get(tx, user.id)
        if now_user is None or now_user != user:
            return None
        slow_down.succeeded(core, tx, attempt)
        session = store_session(core, tx, new.session, instead_of=browser.sid)
        if fresh_hash is not None:
            core.rows.users.update(tx, replace(user, password_hash=fresh_hash))
        if interaction_id is not None:
            core.rows.interactions.signed_in(tx, interaction_id, session.id)
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.SIGNED_IN,
                outcome=Outcome.DONE,
                at=session.auth_time,
                user_id=user.id,
                detail={"sid": session.id, "acr": session.acr},
                personal={"address": browser.address},
            ),
        )
        return session

    session = await core.store.write(work)
    if session is None:
        return WrongSignIn()
    return SignedIn(session=session, user=user, cookie=new.cookie, device=device)


async def _refused(core: Core, user: User | None, browser: Browser) -> None:
    """Record a failure; a row for an unknown account as well, so that the work is the same.

    What was typed as an address is not kept: it may be a password in the wrong field.
    """
    record = AuditRecord(
        tag=AuditTag.SIGN_IN_REFUSED,
        outcome=Outcome.REFUSED,
        at=core.clock.now(),
        reason="wrong_credentials" if user is None or user.status is UserStatus.ACTIVE
        else "user_disabled",
        user_id=user.id if user else None,
        personal={"address": browser.address},
    )  # fmt: skip
    await core.store.write(lambda tx: core.rows.audit.record(tx, record))
