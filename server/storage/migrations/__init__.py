"""Alembic migrations of the server's tables; the relationship engine has a branch of its own."""
