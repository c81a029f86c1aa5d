"""Delegations: what a person allowed an agent, as a tree of rows, and what calls left behind."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from server.storage.tables.metadata import metadata

delegation = Table(
    "delegation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False, index=True),
    Column("client_id", Text, nullable=False),
    Column("parent_id", Text, index=True),
    Column("root_id", Text, nullable=False, index=True),
    Column("sid", Text, index=True),
    Column("purpose", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_reason", Text),
    Column("origin", Text),
    Index("ix_delegation_user_id_agent_id", "user_id", "agent_id"),
    Index("ix_delegation_created_at_id", "created_at", "id"),
    Index(
        "ix_delegation_origin",
        "origin",
        sqlite_where=text("origin IS NOT NULL"),
        postgresql_where=text("origin IS NOT NULL"),
    ),
)

delegation_effect = Table(
    "delegation_effect",
    metadata,
    Column("id", Text, primary_key=True),
    Column("grant_id", Text, nullable=False, index=True),
    Column("resource_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("undone_at", BigInteger),
)
