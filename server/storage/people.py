"""People, their sessions and their one-time links in SQL."""

from sqlalchemy import bindparam, func, insert, or_, select, update

from authz.tx import Row, Tx, insert_ignore
from server.domain.audit import Cursor
from server.domain.people import Role, Session, User, UserStatus
from server.domain.unit import Unit
from server.storage.rows import END_OF_TIME, before, dump, load
from server.storage.tables.people import one_time_link, session, user

_USER = select(
    user.c.id,
    user.c.email,
    user.c.email_key,
    user.c.name,
    user.c.password_hash,
    user.c.role,
    user.c.status,
    user.c.created_at,
    user.c.vouched,
)
_USER_BY_ID = _USER.where(user.c.id == bindparam("id"))
_USER_HELD = _USER_BY_ID.with_for_update()
_USER_BY_EMAIL = _USER.where(user.c.email_key == bindparam("email_key"))
_USER_SEARCH = (
    _USER.where(
        or_(
            user.c.email_key.contains(bindparam("text")),
            func.lower(user.c.name).contains(bindparam("text")),
            user.c.id == bindparam("text"),
        ),
        before(user.c.created_at, user.c.id),
    )
    .order_by(user.c.created_at.desc(), user.c.id.desc())
    .limit(bindparam("limit"))
)
_USER_ADMIN = (
    select(user.c.id)
    .where(user.c.role == Role.ADMIN.value, user.c.status == UserStatus.ACTIVE.value)
    .limit(1)
)
_USER_ADD = insert_ignore(user)
_USER_SET = (
    update(user)
    .where(user.c.id == bindparam("key"))
    .values(
        name=bindparam("name"),
        password_hash=bindparam("password_hash"),
        role=bindparam("role"),
        status=bindparam("status"),
    )
)


class Users:
    """Human accounts."""

    def get(self, tx: Tx, user_id: str) -> User | None:
        """Return a person, or none."""
        rows = tx.fetch(_USER_BY_ID, {"id": user_id})
        return _user(rows[0]) if rows else None

    def held(self, tx: Unit, user_id: str) -> User | None:
        """Return a person; whoever else wants to hold them waits until this unit has ended."""
        rows = tx.fetch(_USER_HELD, {"id": user_id})
        return _user(rows[0]) if rows else None

    def by_email(self, tx: Tx, email_key: str) -> User | None:
        """Return the person of a folded address, or none."""
        rows = tx.fetch(_USER_BY_EMAIL, {"email_key": email_key})
        return _user(rows[0]) if rows else None

    def search(self, tx: Tx, text: str, limit: int, *, before: Cursor | None = None) -> list[User]:
        """Return people whose name or address contains `text`, or whose id it is; newest first."""
        at, last_id = before or END_OF_TIME
        params = {"text": text.lower(), "limit": limit, "at": at, "last_id": last_id}
        return [_user(row) for row in tx.fetch(_USER_SEARCH, params)]

    def has_admin(self, tx: Tx) -> bool:
        """Tell whether somebody is an administrator who can sign in."""
        return bool(tx.fetch(_USER_ADMIN))

    def add(self, tx: Unit, value: User) -> bool:
        """Store a new person; false, and nothing done, if the address is taken."""
        added = tx.execute(
            _USER_ADD,
            {
                "id": value.id,
                "email": value.email,
                "email_key": value.email_key,
                "name": value.name,
                "password_hash": value.password_hash,
                "role": value.role.value,
                "status": value.status.value,
                "created_at": value.created_at,
                "vouched": int(value.vouched),
            },
        )
        return added == 1

    def update(self, tx: Unit, value: User) -> None:
        """Store a changed person."""
        tx.execute(
            _USER_SET,
            {
                "key": value.id,
                "name": value.name,
                "password_hash": value.password_hash,
                "role": value.role.value,
                "status": value.status.value,
            },
        )
        tx.changed("user", value.id)


def _user(row: Row) -> User:
    return User(
        id=row[0],
        email=row[1],
        email_key=row[2],
        name=row[3],
        password_hash=row[4],
        role=Role(row[5]),
        status=UserStatus(row[6]),
        created_at=row[7],
        vouched=bool(row[8]),
    )


_SESSION = select(
    session.c.id,
    session.c.cookie_hash,
    session.c.user_id,
    session.c.auth_time,
    session.c.acr,
    session.c.amr,
    session.c.created_at,
    session.c.expires_at,
    session.c.revoked_at,
)
_SESSION_BY_ID = _SESSION.where(session.c.id == bindparam("id"))
_SESSION_BY_COOKIE = _SESSION.where(session.c.cookie_hash == bindparam("cookie_hash"))
_SESSION_OF = _SESSION.where(
    session.c.user_id == bindparam("user_id"), session.c.revoked_at.is_(None)
).order_by(session.c.created_at.desc(), session.c.id)
_SESSION_ADD = insert(session)
_SESSION_END = (
    update(session)
    .where(session.c.id == bindparam("key"), session.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_SESSION_RENEW = (
    update(session)
    .where(
        session.c.id == bindparam("key"),
        session.c.user_id == bindparam("owner"),
        session.c.revoked_at.is_(None),
    )
    .values(
        cookie_hash=bindparam("cookie_hash"),
        auth_time=bindparam("auth_time"),
        acr=bindparam("acr"),
        amr=bindparam("amr"),
        expires_at=bindparam("expires_at"),
    )
)
_SESSION_LAST = select(func.max(session.c.auth_time)).where(
    session.c.user_id == bindparam("user_id")
)


class Sessions:
    """Browser sessions."""

    def get(self, tx: Tx, sid: str) -> Session | None:
        """Return a session, ended or not, or none."""
        rows = tx.fetch(_SESSION_BY_ID, {"id": sid})
        return _session(rows[0]) if rows else None

    def by_cookie(self, tx: Tx, cookie_hash: str) -> Session | None:
        """Return the session of a cookie's hash, ended or not, or none."""
        rows = tx.fetch(_SESSION_BY_COOKIE, {"cookie_hash": cookie_hash})
        return _session(rows[0]) if rows else None

    def of_user(self, tx: Tx, user_id: str) -> list[Session]:
        """Return the sessions of a person that were not ended."""
        return [_session(row) for row in tx.fetch(_SESSION_OF, {"user_id": user_id})]

    def add(self, tx: Unit, value: Session) -> None:
        """Store a new session."""
        tx.execute(
            _SESSION_ADD,
            {
                "id": value.id,
                "cookie_hash": value.cookie_hash,
                "user_id": value.user_id,
                "auth_time": value.auth_time,
                "acr": value.acr,
                "amr": dump(value.amr),
                "created_at": value.created_at,
                "expires_at": value.expires_at,
                "revoked_at": value.revoked_at,
            },
        )

    def renew(self, tx: Unit, value: Session) -> bool:
        """Give a standing session a new cookie, proof and end; false if it has ended.

        The old cookie is worth nothing from then on.
        """
        renewed = tx.execute(
            _SESSION_RENEW,
            {
                "key": value.id,
                "owner": value.user_id,
                "cookie_hash": value.cookie_hash,
                "auth_time": value.auth_time,
                "acr": value.acr,
                "amr": dump(value.amr),
                "expires_at": value.expires_at,
            },
        )
        tx.changed("session", value.id)
        return renewed == 1

    def last_sign_in(self, tx: Tx, user_id: str) -> int | None:
        """Return when a person last signed in (Unix ms), or none."""
        rows = tx.fetch(_SESSION_LAST, {"user_id": user_id})
        return None if rows[0][0] is None else int(rows[0][0])

    def end(self, tx: Unit, sid: str, now: int) -> bool:
        """End a session; tell whether this call did it."""
        ended = tx.execute(_SESSION_END, {"key": sid, "now": now}) == 1
        if ended:
            tx.changed("session", sid)
        return ended


def _session(row: Row) -> Session:
    return Session(
        id=row[0],
        cookie_hash=row[1],
        user_id=row[2],
        auth_time=row[3],
        acr=row[4],
        amr=tuple(load(row[5])),
        created_at=row[6],
        expires_at=row[7],
        revoked_at=row[8],
    )


_LINK_ADD = insert(one_time_link)
_LINK_USE = (
    update(one_time_link)
    .where(
        one_time_link.c.hash == bindparam("key"),
        one_time_link.c.used_at.is_(None),
        one_time_link.c.purpose == bindparam("purpose"),
        one_time_link.c.expires_at > bindparam("now"),
    )
    .values(used_at=bindparam("now"))
    .returning(one_time_link.c.email)
)
_LINK_PEEK = select(one_time_link.c.email).where(
    one_time_link.c.hash == bindparam("hash"),
    one_time_link.c.used_at.is_(None),
    one_time_link.c.purpose == bindparam("purpose"),
    one_time_link.c.expires_at > bindparam("now"),
)


class Links:
    """One-time links, known by the hash of their secret."""

    def add(self, tx: Unit, link_hash: str, purpose: str, email: str, expires_at: int) -> None:
        """Store a new link."""
        tx.execute(
            _LINK_ADD,
            {
                "hash": link_hash,
                "purpose": purpose,
                "email": email,
                "expires_at": expires_at,
                "used_at": None,
            },
        )

    def peek(self, tx: Tx, link_hash: str, purpose: str, now: int) -> str | None:
        """Return the address of a link that can still be used; looking does not use it."""
        rows = tx.fetch(_LINK_PEEK, {"hash": link_hash, "purpose": purpose, "now": now})
        return rows[0][0] if rows else None

    def use(self, tx: Unit, link_hash: str, purpose: str, now: int) -> str | None:
        """Use a link up and return its address; none for every caller but the first."""
        rows = tx.fetch(_LINK_USE, {"key": link_hash, "purpose": purpose, "now": now})
        return rows[0][0] if rows else None
