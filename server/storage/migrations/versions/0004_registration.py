"""Clients that register themselves: what is kept of them, the trust policy, initial access tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "self_registered_client",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text()),
        sa.Column("token_hash", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("consented_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_self_registered_client")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_self_registered_client_fingerprint")),
    )
    for column in ("host", "used_at"):
        op.create_index(
            op.f(f"ix_self_registered_client_{column}"), "self_registered_client", [column]
        )
    op.create_table(
        "client_trust",
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pattern", name=op.f("pk_client_trust")),
    )
    op.create_table(
        "client_trust_request",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_client_trust_request")),
    )
    op.create_table(
        "initial_access_token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_initial_access_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_initial_access_token_hash")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("initial_access_token")
    op.drop_table("client_trust_request")
    op.drop_table("client_trust")
    op.drop_table("self_registered_client")
