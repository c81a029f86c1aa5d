"""Approvals: questions to a person about one exact call or about more authority."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from server.storage.tables.metadata import metadata

approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("grant_id", Text, nullable=False),
    Column("binding", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("answered_at", BigInteger),
    Column("used_at", BigInteger),
    Column("new_grant_id", Text),
    Column("withheld", Integer, nullable=False, server_default="0"),
    Index("ix_approval_user_id_created_at", "user_id", "created_at"),
    Index("ix_approval_created_at_id", "created_at", "id"),
    Index("ix_approval_binding", "binding"),
)

# One open question of a kind, whoever races: the same exact call never waits twice.
Index(
    "uq_approval_open",
    approval.c.binding,
    unique=True,
    sqlite_where=approval.c.status.in_(("pending", "approved")),
    postgresql_where=approval.c.status.in_(("pending", "approved")),
)
