"""What waits is counted by source; and whether an administrator made a person's account."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WAITING = ("pushed_request", "interaction")
# The trail knows which accounts an administrator made; every other one is taken for self-made.
_VOUCHED = """
UPDATE user_account SET vouched = 1 WHERE role = 'admin' OR id IN (
    SELECT user_id FROM audit
    WHERE tag = 'user:changed' AND reason = 'added' AND user_id IS NOT NULL
)
"""


def upgrade() -> None:
    """Apply."""
    for table in _WAITING:
        op.add_column(table, sa.Column("source", sa.Text(), nullable=True))
        where = sa.text("source IS NOT NULL")
        op.create_index(
            f"ix_{table}_waiting", table, ["expires_at", "client_id", "source"],
            sqlite_where=where, postgresql_where=where,
        )
    op.add_column(
        "user_account", sa.Column("vouched", sa.Integer(), nullable=False, server_default="0")
    )
    op.execute(_VOUCHED)


def downgrade() -> None:
    """Undo."""
    op.drop_column("user_account", "vouched")
    for table in _WAITING:
        op.drop_index(f"ix_{table}_waiting", table_name=table)
        op.drop_column(table, "source")
