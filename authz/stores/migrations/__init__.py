"""The Alembic branch `authz`; whoever embeds the engine includes it in its own environment."""
