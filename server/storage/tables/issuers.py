"""Issuers that an administrator trusts, and who their subjects are here."""

from sqlalchemy import BigInteger, Column, Table, Text, UniqueConstraint

from server.storage.tables.metadata import metadata

trusted_issuer = Table(
    "trusted_issuer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

identity_link = Table(
    "identity_link",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("issuer", "user_id", name="uq_identity_link_issuer_user_id"),
)

id_jag_policy = Table(
    "id_jag_policy",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("audience", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
