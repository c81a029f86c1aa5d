"""Approvals of which a person has left something off."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "approval", sa.Column("withheld", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Undo."""
    op.drop_column("approval", "withheld")
