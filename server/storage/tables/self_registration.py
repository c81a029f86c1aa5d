"""Clients that register themselves, and whom of them the house trusts."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from server.storage.tables.metadata import metadata

self_registered_client = Table(
    "self_registered_client",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("host", Text, nullable=False, index=True),
    Column("fingerprint", Text, unique=True),
    Column("token_hash", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False, index=True),
    Column("consented_at", BigInteger),
)

client_logo = Table(
    "client_logo",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("uri", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("digest", Text, nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
    Column("found_at", BigInteger, nullable=False),
    Column("look_at", BigInteger, nullable=False),
)

client_trust = Table(
    "client_trust",
    metadata,
    Column("pattern", Text, primary_key=True),
    Column("trust", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

client_trust_request = Table(
    "client_trust_request",
    metadata,
    Column("host", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
)

initial_access_token = Table(
    "initial_access_token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("uses_left", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
