"""How far the changes of a store are applied at a remote server, and who applies them."""

import sqlalchemy as sa
from alembic import op

revision = "authz_0003"
down_revision = "authz_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authz_remote",
        sa.Column("store", sa.Text, primary_key=True),
        sa.Column("remote", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("model_id", sa.Text, nullable=False),
        sa.Column("remote_model_id", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("authz_remote")
