"""Signing keys: public halves as they are, private halves only sealed."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, text

from server.storage.tables.metadata import metadata

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("alg", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("public_jwk", Text, nullable=False),
    Column("sealed_private", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("activated_at", BigInteger),
    Column("retire_at", BigInteger),
    Column("revoked_at", BigInteger),
)

# Workers that start together on an empty table cannot both win: one active key an algorithm, and
# one announced.
for _status in ("active", "next"):
    Index(
        f"uq_signing_key_{_status}",
        signing_key.c.alg,
        unique=True,
        sqlite_where=text(f"status = '{_status}'"),
        postgresql_where=text(f"status = '{_status}'"),
    )
