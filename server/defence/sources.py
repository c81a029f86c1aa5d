"""Where a request comes from, told apart without keeping the address: keyed hashes."""

import hashlib
import hmac
import ipaddress
from typing import Final

_MIN_KEY_BYTES: Final = 32


class Pseudonyms:
    """Hashes of values under one key, each kind of value apart from the others."""

    def __init__(self, key: bytes, label: bytes) -> None:
        """Use a key of at least 32 bytes that serves nothing else."""
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError("the key must have at least 32 bytes")
        self._key = key
        self._label = label

    def of(self, kind: str, value: str) -> str:
        """Return what stands for a value of this kind (64 hex digits)."""
        message = self._label + kind.encode() + b"\x00" + value.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def network(address: str) -> str:
    """Return whom an address stands for: itself, or the /64 of an IPv6 one (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)
