"""The server's tables, by what they hold. Importing this package declares all of them."""

from server.storage.tables import (
    audit,
    changes,
    delegation,
    flow,
    keys,
    people,
    registry,
    secrets,
    self_registration,
    token,
)
from server.storage.tables.metadata import metadata

__all__ = [
    "audit",
    "changes",
    "delegation",
    "flow",
    "keys",
    "metadata",
    "people",
    "registry",
    "secrets",
    "self_registration",
    "token",
]
