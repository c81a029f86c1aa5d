"""Sign-up: a taken address gets the very answer of a new one, and nothing changes (no mail yet)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from server.defence.slow_down import SlowDown, Wait
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.people import Role, User
from server.domain.unit import Unit
from server.identity.addresses import email_key, good_address, good_name
from server.identity.password_rules import PasswordFault, check_password
from server.identity.passwords import Passwords


class SignUpFault(StrEnum):
    """What else can be wrong with a sign-up, in the words that the person reads."""

    NAME = "Tell us a name of at most 120 characters."
    ADDRESS = "This is not an e-mail address that we can use."
    TAKEN = "This address has an account already. Use another one."
    CLOSED = "People cannot sign up here by themselves. Ask an administrator for an account."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """What somebody typed to get an account."""

    name: str
    email: str
    password: str

    def __repr__(self) -> str:
        """Show nothing: it holds a password."""
        return "NewPerson()"


@dataclass(frozen=True, slots=True)
class AccountReady:
    """There is an account of this address now, and perhaps there was one before."""


@dataclass(frozen=True, slots=True)
class BadSignUp:
    """What was typed cannot be accepted; it follows from what was typed alone."""

    fault: SignUpFault | PasswordFault
    field: Literal["", "name", "email", "password"]


def check_person(person: NewPerson) -> BadSignUp | None:
    """Return what is wrong with what was typed, whoever exists."""
    if not good_name(person.name.strip()):
        return BadSignUp(SignUpFault.NAME, "name")
    if not good_address(person.email.strip()):
        return BadSignUp(SignUpFault.ADDRESS, "email")
    fault = check_password(person.password, email=person.email.strip(), name=person.name)
    return None if fault is None else BadSignUp(fault, "password")


async def make_user(
    core: Core,
    passwords: Passwords,
    person: NewPerson,
    *,
    role: Role = Role.USER,
    vouched: bool = False,
) -> User:
    """Return a user to store, password hashed; `person` has passed `check_person`.

    `vouched`: an administrator makes it, or made the link that does.
    """
    return User(
        id=core.entropy.id("usr"),
        email=person.email.strip(),
        email_key=email_key(person.email),
        name=person.name.strip(),
        password_hash=await passwords.hash(person.password),
        role=role,
        created_at=core.clock.now(),
        vouched=vouched,
    )


async def add_person(
    core: Core, passwords: Passwords, person: NewPerson, *, role: Role, by: User
) -> User | BadSignUp:
    """Make an account for somebody else, who may know that the address is taken."""
    if (bad := check_person(person)) is not None:
        return bad
    user = await make_user(core, passwords, person, role=role, vouched=True)

    def work(tx: Unit) -> User | BadSignUp:
        if not core.rows.users.add(tx, user):
            return BadSignUp(SignUpFault.TAKEN, "email")
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.USER_CHANGED,
                outcome=Outcome.DONE,
                at=user.created_at,
                reason="added",
                user_id=user.id,
                detail={"by": by.id, "role": role.value},
            ),
        )
        return user

    return await core.store.write(work)


async def sign_up(
    core: Core, passwords: Passwords, slow_down: SlowDown, *, person: NewPerson, address: str
) -> AccountReady | BadSignUp | Wait:
    """Make an account. Raises `UnavailableError` when the database or the line is full."""
    if not core.policy.self_registration:
        return BadSignUp(SignUpFault.CLOSED, "")
    if (bad := check_person(person)) is not None:
        return bad
    attempt = await slow_down.sign_up(core, address=address)
    if isinstance(attempt, Wait):
        return attempt
    user = await make_user(core, passwords, person)

    def work(tx: Unit) -> None:
        added = core.rows.users.add(tx, user)
        known = user if added else core.rows.users.by_email(tx, user.email_key)
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.SIGNED_UP,
                outcome=Outcome.DONE if added else Outcome.REFUSED,
                at=user.created_at,
                reason=None if added else "address_taken",
                user_id=known.id if known else None,
                personal={"address": address},
            ),
        )

    await core.store.write(work)
    return AccountReady()
