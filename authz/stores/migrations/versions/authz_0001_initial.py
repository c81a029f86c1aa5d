"""The relationship store: tuples, changelog, models, stores."""

import sqlalchemy as sa
from alembic import op

revision = "authz_0001"
down_revision = None
branch_labels = ("authz",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authz_store",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("model_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "authz_model",
        sa.Column("store", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "authz_tuple",
        sa.Column("object_type", sa.Text, primary_key=True),
        sa.Column("store", sa.Text, primary_key=True),
        sa.Column("object_id", sa.Text, primary_key=True),
        sa.Column("relation", sa.Text, primary_key=True),
        sa.Column("user_type", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("user_relation", sa.Text, primary_key=True),
        sa.Column("condition", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("inserted_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    usersets = ["object_type", "store", "object_id", "relation", "user_relation"]
    if _on_sqlite():
        op.create_index(
            "authz_tuple_usersets_covering",
            "authz_tuple",
            [*usersets, "condition", "context"],
            sqlite_where=sa.text("user_relation > ''"),
        )
    else:
        op.create_index(
            "authz_tuple_usersets",
            "authz_tuple",
            usersets,
            postgresql_where=sa.text("user_relation > ''"),
        )
    op.create_index(
        "authz_tuple_by_user",
        "authz_tuple",
        [
            "user_type",
            "store",
            "user_id",
            "user_relation",
            "relation",
            "object_type",
            "object_id",
        ],
    )
    op.create_table(
        "authz_changelog",
        sa.Column("store", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("deleted", sa.Integer, nullable=False),
        sa.Column("object_type", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("relation", sa.Text, nullable=False),
        sa.Column("user_type", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("user_relation", sa.Text, nullable=False),
        sa.Column("condition", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("authz_changelog")
    op.drop_index("authz_tuple_by_user", table_name="authz_tuple")
    usersets = "authz_tuple_usersets_covering" if _on_sqlite() else "authz_tuple_usersets"
    op.drop_index(usersets, table_name="authz_tuple")
    op.drop_table("authz_tuple")
    op.drop_table("authz_model")
    op.drop_table("authz_store")


def _on_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"
