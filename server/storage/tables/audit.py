"""The audit trail: written in the transaction of what it tells, sealed afterwards (DESIGN 3.12)."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from server.storage.tables.metadata import metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("tag", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("user_id", Text),
    Column("agents", Text, nullable=False),
    Column("client_id", Text),
    Column("grant_id", Text),
    Column("resource", Text),
    Column("object", Text),
    Column("request_id", Text),
    Column("detail", Text, nullable=False),
    Column("salt", Text, nullable=False),
    # SHA-256 of the personal row's salt and document; stays when that row is erased.
    Column("personal_commitment", Text),
    Column("seal_seq", BigInteger),
    Column("seal", Text),
    Index(
        "ix_audit_user_id_at",
        "user_id",
        "at",
        sqlite_where=text("user_id IS NOT NULL"),
        postgresql_where=text("user_id IS NOT NULL"),
    ),
    Index(
        "ix_audit_grant_id_at",
        "grant_id",
        "at",
        sqlite_where=text("grant_id IS NOT NULL"),
        postgresql_where=text("grant_id IS NOT NULL"),
    ),
    # A row is in one of these two: it waits for the sealer in the order of sealing, or it has a
    # number that no other has.
    Index(
        "ix_audit_unsealed",
        "at",
        "id",
        sqlite_where=text("seal_seq IS NULL"),
        postgresql_where=text("seal_seq IS NULL"),
    ),
    Index(
        "uq_audit_seal_seq",
        "seal_seq",
        unique=True,
        sqlite_where=text("seal_seq IS NOT NULL"),
        postgresql_where=text("seal_seq IS NOT NULL"),
    ),
)

audit_personal = Table(
    "audit_personal",
    metadata,
    Column("audit_id", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("salt", Text, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("seal_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("seal", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("leaves", Text, nullable=False),
    Column("signature", Text, nullable=False),
)

# Who seals at the moment: one row, so that of several workers one does.
audit_lease = Table(
    "audit_lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
