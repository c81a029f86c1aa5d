"""Alembic's environment: run inside the connection that `server.storage.migrate` hands over."""

from alembic import context

from server.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The engine's tables have a branch of their own; autogenerate must not drop them.
    include_name=lambda name, kind, _: not (kind == "table" and str(name).startswith("authz_")),
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
