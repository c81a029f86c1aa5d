"""Who the subject of an identity assertion is here: linked by an administrator, or by address once.

Nobody is created by an assertion. An address counts only where the issuer decides on its domain and
an administrator made the account: whoever signs up with somebody's address gets nothing by it.
"""

from dataclasses import dataclass

from authz.tx import Tx
from server.domain.core import Core
from server.domain.issuers import IdentityLink
from server.domain.people import User, UserStatus
from server.domain.refusal import Refused
from server.domain.unit import StaleSnapshotError, Unit
from server.protocol.assertions import Asserted, bad_assertion


@dataclass(frozen=True, slots=True)
class Person:
    """A person, and by which link; a new one is stored with their first token."""

    user: User
    link: IdentityLink
    new: bool = False

    def remember(self, core: Core, tx: Unit) -> None:
        """Store a new link, or see that a stored one is still there.

        Raises `StaleSnapshotError` if somebody else came first.
        """
        links, link = core.rows.identities, self.link
        if self.new:
            stands = links.add(tx, link)
        else:
            stands = links.of_subject(tx, link.issuer, link.subject) == link
        if not stands:
            raise StaleSnapshotError


async def person_of(core: Core, asserted: Asserted) -> Person | Refused:
    """Return the active person of an assertion's subject."""
    issuer_id, subject = asserted.issuer.id, asserted.subject
    known = await core.store.read_row(
        lambda tx: core.rows.identities.of_subject(tx, issuer_id, subject)
    )
    if known is not None:
        user = await core.snapshot.user(known.user_id)
        return _active(Person(user, known)) if user is not None else _unknown()
    address = _address(asserted)
    if address is None:
        return _unknown()

    def find(tx: Tx) -> User | None:
        user = core.rows.users.by_email(tx, address)
        # An address that another subject of this issuer came by before: given to somebody new.
        if user is None or core.rows.identities.of_user(tx, issuer_id, user.id) is not None:
            return None
        return user

    user = await core.store.read(find)
    if user is None or not user.vouched:
        return _unknown()
    link = IdentityLink(
        issuer=issuer_id, subject=subject, user_id=user.id, created_at=core.clock.now()
    )
    return _active(Person(user, link, new=True))


def _active(person: Person) -> Person | Refused:
    if person.user.status is not UserStatus.ACTIVE:
        return bad_assertion("user_disabled")
    return person


def _unknown() -> Refused:
    return bad_assertion("subject_unknown")


def _address(asserted: Asserted) -> str | None:
    """Return the address that the issuer may decide by, folded; none if it may not.

    Plain ASCII only: no spelling of another address may look the same to one of the two of us.
    """
    email, verified = asserted.claims.get("email"), asserted.claims.get("email_verified")
    if type(email) is not str or verified is not True:
        return None
    if not email.isascii() or not email.isprintable() or email.count("@") != 1 or " " in email:
        return None
    folded = email.lower()
    return folded if folded.partition("@")[2] in asserted.issuer.email_domains else None
