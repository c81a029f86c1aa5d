"""People, their browser sessions and their one-time links. Times are Unix milliseconds."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from server.storage.tables.metadata import metadata

user = Table(
    "user_account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("vouched", Integer, nullable=False, server_default="0"),
)

session = Table(
    "session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("cookie_hash", Text, nullable=False, unique=True),
    Column("user_id", Text, nullable=False, index=True),
    Column("auth_time", BigInteger, nullable=False),
    Column("acr", Text, nullable=False),
    Column("amr", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

one_time_link = Table(
    "one_time_link",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_sign_in_failure_source_at", "source", "at"),
)
