"""The server's tables, by what they hold. Importing this package declares all of them."""

from server.storage.tables import (
    approval,
    audit,
    changes,
    delegation,
    flow,
    keys,
    people,
    registry,
    secrets,
    token,
)
from server.storage.tables.metadata import metadata

__all__ = [
    "approval",
    "audit",
    "changes",
    "delegation",
    "flow",
    "keys",
    "metadata",
    "people",
    "registry",
    "secrets",
    "token",
]
