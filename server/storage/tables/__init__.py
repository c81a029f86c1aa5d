"""The server's tables, by what they hold. Importing this package declares all of them."""

from server.storage.tables import (
    audit,
    changes,
    delegation,
    flow,
    issuers,
    keys,
    people,
    registry,
    secrets,
    token,
)
from server.storage.tables.metadata import metadata

__all__ = [
    "audit",
    "changes",
    "delegation",
    "flow",
    "issuers",
    "keys",
    "metadata",
    "people",
    "registry",
    "secrets",
    "token",
]
