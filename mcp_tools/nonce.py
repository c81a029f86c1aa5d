"""Randomness for what is made here: ids of client assertions and of test tokens."""

import os
from collections.abc import Callable

from authz.jose.compact import encode_segment

Nonce = Callable[[], str]


def random_nonce() -> str:
    """Return 128 random bits as base64url."""
    # mcp_tools is deployed without the server, so it cannot take the server's Entropy.
    return encode_segment(os.urandom(16)).decode("ascii")  # noqa: TID251
