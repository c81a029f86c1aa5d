"""Approvals: what people are asked to allow once, and their answers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "approval",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("binding", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("new_grant_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    for name, columns in (
        ("ix_approval_expires_at", ["expires_at"]),
        ("ix_approval_user_id_created_at", ["user_id", "created_at"]),
        ("ix_approval_created_at_id", ["created_at", "id"]),
        ("ix_approval_binding", ["binding"]),
    ):
        op.create_index(name, "approval", columns)
    where = sa.text("status IN ('pending', 'approved')")
    op.create_index(
        "uq_approval_open", "approval", ["binding"], unique=True,
        sqlite_where=where, postgresql_where=where,
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("approval")
