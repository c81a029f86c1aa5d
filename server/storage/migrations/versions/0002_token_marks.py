"""Marks of tokens; and indexes of what most rows lack hold only the rows that have it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = (
    ("token", "ix_token_grant_id", ["grant_id"]),
    ("token", "ix_token_parent_jti", ["parent_jti"]),
    ("token", "ix_token_actor_jti", ["actor_jti"]),
    ("token", "ix_token_family_id", ["family_id"]),
    ("audit", "ix_audit_user_id_at", ["user_id", "at"]),
    ("audit", "ix_audit_grant_id_at", ["grant_id", "at"]),
)


def upgrade() -> None:
    """Apply."""
    op.add_column("token", sa.Column("mark", sa.Text(), nullable=True))
    for table, name, columns in _INDEXES:
        where = sa.text(f"{columns[0]} IS NOT NULL")
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Undo."""
    for table, name, columns in _INDEXES:
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
    op.drop_column("token", "mark")
