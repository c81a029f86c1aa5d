"""The tables of this version in an empty database, without the time that migrations take."""

import sqlalchemy as sa

from authz.stores.tables import metadata as authz_metadata
from server.storage.tables import metadata
from server.storage.tables.changes import security_head


def create_tables(address: str) -> None:
    """Fill an empty database of either engine with empty tables."""
    with _engine(address).begin() as connection:
        metadata.create_all(connection)
        authz_metadata.create_all(connection)
        connection.execute(sa.insert(security_head).values(id=1, seq=0))


def run_sql(address: str, *statements: str) -> None:
    """Change rows behind the server's back, as somebody with the database's password would."""
    with _engine(address).begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def read_sql(address: str, statement: str) -> list[tuple[object, ...]]:
    """Return what a statement selects."""
    with _engine(address).begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def _engine(address: str) -> sa.Engine:
    if address.startswith("postgresql://"):
        address = address.replace("postgresql://", "postgresql+psycopg://", 1)
    return sa.create_engine(address, poolclass=sa.NullPool)
