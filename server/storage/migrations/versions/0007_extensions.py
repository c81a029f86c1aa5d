"""Trusted issuers, linked identities, ID-JAG policy; and which issuer stands behind a delegation."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"
branch_labels = None
depends_on = None

_FROM_ISSUER = sa.text("origin IS NOT NULL")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "trusted_issuer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_issuer")),
    )
    op.create_table(
        "identity_link",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity_link")),
        sa.UniqueConstraint("issuer", "user_id", name="uq_identity_link_issuer_user_id"),
    )
    op.create_table(
        "id_jag_policy",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "client_id", "audience", "resource", name=op.f("pk_id_jag_policy")
        ),
    )
    op.add_column("delegation", sa.Column("origin", sa.Text(), nullable=True))
    op.create_index(
        "ix_delegation_origin", "delegation", ["origin"],
        sqlite_where=_FROM_ISSUER, postgresql_where=_FROM_ISSUER,
    )  # fmt: skip


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_delegation_origin", table_name="delegation")
    op.drop_column("delegation", "origin")
    op.drop_table("id_jag_policy")
    op.drop_table("identity_link")
    op.drop_table("trusted_issuer")
