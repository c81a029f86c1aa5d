"""Records of what was minted: provenance is stored, not inferred (EXCHANGE X1)."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from server.storage.tables.metadata import metadata


def _where_set(column: str) -> Index:
    """Index the rows that have a value: most have none, and a commit need not write of them."""
    where = text(f"{column} IS NOT NULL")
    return Index(f"ix_token_{column}", column, sqlite_where=where, postgresql_where=where)


token = Table(
    "token",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("grant_id", Text),
    Column("parent_jti", Text),
    Column("actor_jti", Text),
    Column("sid", Text),
    Column("family_id", Text),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("revoked_at", BigInteger),
    Column("mark", Text),
    Column("jkt", Text),
    _where_set("grant_id"),
    _where_set("parent_jti"),
    _where_set("actor_jti"),
    _where_set("family_id"),
)

refresh_family = Table(
    "refresh_family",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False, index=True),
    Column("user_id", Text, nullable=False, index=True),
    Column("grant_id", Text, index=True),
    Column("sid", Text, index=True),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("revoked_at", BigInteger),
    Column("jkt", Text),
)

refresh_token = Table(
    "refresh_token",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("family_id", Text, nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

assertion = Table(
    "client_assertion",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("jti", Text, primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

used_proof = Table(
    "used_proof",
    metadata,
    Column("name", Text, primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
