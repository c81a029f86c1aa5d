"""A running authorization: pushed requests, interactions, codes; and remembered consents."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from server.storage.tables.metadata import metadata

pushed_request = Table(
    "pushed_request",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
    Column("source", Text),
)

interaction = Table(
    "interaction",
    metadata,
    Column("id", Text, primary_key=True),
    Column("browser_hash", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("signed_in_sid", Text),
    Column("grant_id", Text),
    Column("consented_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("source", Text),
)

# What waits, for the three counts at once (server.defence.waiting_room).
for _table in (pushed_request, interaction):
    Index(
        f"ix_{_table.name}_waiting",
        _table.c.expires_at,
        _table.c.client_id,
        _table.c.source,
        sqlite_where=_table.c.source.is_not(None),
        postgresql_where=_table.c.source.is_not(None),
    )

authorization_code = Table(
    "authorization_code",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("user_id", Text, nullable=False, index=True),
    Column("grant_id", Text, index=True),
    Column("sid", Text, nullable=False),
    Column("family_id", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
)

user_consent = Table(
    "user_consent",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)
