"""Tokens and refresh families that are bound to a key; proofs that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BOUND = ("token", "refresh_family")


def upgrade() -> None:
    """Apply."""
    for table in _BOUND:
        op.add_column(table, sa.Column("jkt", sa.Text(), nullable=True))
    op.create_table(
        "used_proof",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_used_proof")),
    )
    op.create_index(op.f("ix_used_proof_expires_at"), "used_proof", ["expires_at"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("used_proof")
    for table in _BOUND:
        op.drop_column(table, "jkt")
