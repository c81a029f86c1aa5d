"""What an administrator registers: clients, agents, resources and the names of their objects."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from server.storage.tables.metadata import metadata

client = Table(
    "client",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("agent_id", Text, index=True),
    Column("resource_id", Text, index=True),
    Column("status", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

agent = Table(
    "agent",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner_id", Text, index=True),
    Column("status", Text, nullable=False),
    Column("provisional", Integer, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

resource = Table(
    "resource",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

object_label = Table(
    "object_label",
    metadata,
    Column("object", Text, primary_key=True),
    Column("resource_id", Text, nullable=False),
    Column("label", Text, nullable=False),
)
