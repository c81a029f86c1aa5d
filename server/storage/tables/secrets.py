"""Secrets of the server itself, sealed by the key-encryption key."""

from sqlalchemy import Column, LargeBinary, Table, Text

from server.storage.tables.metadata import metadata

server_secret = Table(
    "server_secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
