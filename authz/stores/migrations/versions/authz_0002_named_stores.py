"""Stores that have a name, as the OpenFGA API makes them, and the assertions of a model."""

import sqlalchemy as sa
from alembic import op

revision = "authz_0002"
down_revision = "authz_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authz_named_store",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "authz_assertions",
        sa.Column("store", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("authz_assertions")
    op.drop_table("authz_named_store")
