"""People and their browser sessions."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do on the pages beside their own account."""

    USER = "user"
    ADMIN = "admin"


class UserStatus(StrEnum):
    """Whether a person may sign in, and whether anything done for them is alive."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A human subject. `email_key` is the address folded for comparison."""

    id: str
    email: str
    email_key: str
    name: str
    password_hash: str | None = None
    role: Role = Role.USER
    status: UserStatus = UserStatus.ACTIVE
    created_at: int = 0
    vouched: bool = False
    """An administrator made the account, so the name is not only what the person says of itself."""

    @property
    def known_here(self) -> bool:
        """Tell whether the house answers for who this is: by its making, or by its role."""
        return self.vouched or self.role is Role.ADMIN

    def __repr__(self) -> str:
        """Name the person by id only: a repr may end in a log."""
        return f"User({self.id})"


OPERATOR = User(id="operator", email="", email_key="", name="the operator", role=Role.ADMIN)
"""Whoever runs the command line: has the database and its keys, hence an administrator without an
account. Ids of accounts begin with `usr_` (X1), so nobody else is called that."""


ACR_PASSWORD = "urn:mandate:acr:password"
"""The authentication context of a password alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser session; only the hash of its cookie is kept. `sid` in tokens is its id."""

    id: str
    cookie_hash: str
    user_id: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    created_at: int
    expires_at: int
    revoked_at: int | None = None

    def alive(self, now: int) -> bool:
        """Tell whether the session still stands at `now` (Unix ms)."""
        return self.revoked_at is None and now < self.expires_at
