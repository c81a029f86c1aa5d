"""What clients have of a person, in SQL: found through codes and refresh families.

The token table has no index on people or clients, so tokens are found by the code that they
descend from. One that came without a code, by an exchange, dies with the token it was made from.
"""

from sqlalchemy import bindparam, delete, select, update

from authz.tx import Tx
from server.domain.applications import Kept
from server.domain.audit import AuditTag
from server.domain.unit import Unit
from server.storage.rows import load
from server.storage.tables.audit import audit
from server.storage.tables.flow import authorization_code as code
from server.storage.tables.flow import user_consent
from server.storage.tables.people import session
from server.storage.tables.token import refresh_family as family
from server.storage.tables.token import token

_REMEMBERED = select(
    user_consent.c.client_id, user_consent.c.scope, user_consent.c.created_at
).where(user_consent.c.user_id == bindparam("user_id"))
# A delegation's family is shown with its agent. `document` tells whether it outlives its session.
_SIGN_INS = (
    select(family.c.client_id, family.c.document, family.c.created_at, session.c.id)
    .outerjoin(
        session,
        (session.c.id == family.c.sid)
        & session.c.revoked_at.is_(None)
        & (session.c.expires_at > bindparam("now")),
    )
    .where(
        family.c.user_id == bindparam("user_id"),
        family.c.grant_id.is_(None),
        family.c.revoked_at.is_(None),
        family.c.expires_at > bindparam("now"),
    )
)
_CODES = (code.c.user_id == bindparam("user_id"), code.c.client_id == bindparam("client_id"))
_FAMILIES = (family.c.user_id == bindparam("user_id"), family.c.client_id == bindparam("client_id"))
_CANCEL_CODES = delete(code).where(*_CODES, code.c.used_at.is_(None))
_END_FAMILIES = (
    update(family)
    .where(*_FAMILIES, family.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_TOKENS = select(token.c.jti).where(
    token.c.revoked_at.is_(None),
    token.c.family_id.in_(
        select(code.c.family_id).where(*_CODES).union_all(select(family.c.id).where(*_FAMILIES))
    ),
)
_REMOVED = (
    select(audit.c.id)
    .where(
        audit.c.user_id == bindparam("user_id"),
        audit.c.at >= bindparam("since"),
        audit.c.tag == AuditTag.CONSENT_REMOVED.value,
        audit.c.client_id == bindparam("client_id"),
    )
    .limit(1)
)


class Applications:
    """Every client that has something of a person, and the ways to end it."""

    def of_user(self, tx: Tx, user_id: str, now: int) -> list[Kept]:
        """Return what each client may know of a person now, clients of agents included.

        A sign-in counts beside the remembered consent: it lives on when less is consented later.
        """
        found = [(row[0], {row[1]}, row[2]) for row in tx.fetch(_REMEMBERED, {"user_id": user_id})]
        for client_id, document, at, sid in tx.fetch(_SIGN_INS, {"user_id": user_id, "now": now}):
            granted = load(document)
            if granted["offline"] or sid is not None:
                found.append((client_id, set(granted["scope"].split()), at))
        scopes: dict[str, set[str]] = {}
        since: dict[str, int] = {}
        for client_id, some, at in found:
            scopes.setdefault(client_id, set()).update(some)
            since[client_id] = min(since.get(client_id, at), at)
        return [
            Kept(client_id=client_id, scopes=frozenset(some), since=since[client_id])
            for client_id, some in scopes.items()
        ]

    def cancel_codes(self, tx: Unit, user_id: str, client_id: str) -> int:
        """Take back codes that nobody redeemed yet; return how many.

        They are deleted: marked as used, redeeming one would look like a theft.
        """
        return tx.execute(_CANCEL_CODES, {"user_id": user_id, "client_id": client_id})

    def end_families(self, tx: Unit, user_id: str, client_id: str, now: int) -> int:
        """End every refresh family that a client has of a person; return how many."""
        params = {"user_id": user_id, "client_id": client_id, "now": now}
        return tx.execute(_END_FAMILIES, params)

    def tokens(self, tx: Tx, user_id: str, client_id: str) -> list[str]:
        """Return the tokens, not revoked, that came of a person's sign-ins at a client.

        Call it after `cancel_codes` and `end_families`: from then on there come no more.
        """
        rows = tx.fetch(_TOKENS, {"user_id": user_id, "client_id": client_id})
        return [row[0] for row in rows]

    def removed_since(self, tx: Tx, user_id: str, client_id: str, since: int) -> bool:
        """Tell whether the person has removed the client, at a time or after it."""
        params = {"user_id": user_id, "client_id": client_id, "since": since}
        return bool(tx.fetch(_REMOVED, params))
