"""Security changes in commit order: what every cache of every worker must drop (DESIGN 3.6)."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from server.storage.tables.metadata import metadata

security_head = Table(
    "security_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)

security_change = Table(
    "security_change",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
)
