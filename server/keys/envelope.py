"""Envelope encryption of what must not lie in a database readable: private keys, stored secrets.

A record is sealed with a data key of its own (AES-256-GCM, NIST SP 800-38D), and that key with the
key-encryption key. The kind and the id of the record are associated data of both, so a ciphertext
that somebody moves to another row does not open there.

Layout: version (1) | id of the key-encryption key (8) | nonce (12) | wrapped data key (48)
| nonce (12) | ciphertext and tag.
"""

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.domain.entropy import Entropy
from server.keys.kek import KEK_ID_BYTES, KeyEncryptionKey

VERSION: Final = b"\x01"
_NONCE: Final = 12
_TAG: Final = 16
_DATA_KEY: Final = 32
_WRAPPED: Final = _DATA_KEY + _TAG
_HEAD: Final = len(VERSION) + KEK_ID_BYTES
_SMALLEST: Final = _HEAD + _NONCE + _WRAPPED + _NONCE + _TAG


class SealBroken(Exception):
    """A sealed record does not open: altered, moved, truncated, or sealed with an unknown key.

    The text names the record, never its content.
    """


class Envelope:
    """Seals and opens records. The first key seals; the others only open, until re-encrypted."""

    __slots__ = ("_current", "_entropy", "_known")

    def __init__(self, keys: tuple[KeyEncryptionKey, ...], entropy: Entropy) -> None:
        """Take the current key-encryption key, then older ones; raises `ValueError` if none."""
        if not keys:
            raise ValueError("an envelope needs a key-encryption key")
        self._current = keys[0]
        self._known = {key.key_id: key for key in keys}
        self._entropy = entropy

    def __repr__(self) -> str:
        """Show the id of the current key, which is public."""
        return f"Envelope(current={self._current.key_id.hex()})"

    def seal(self, kind: str, record_id: str, plaintext: bytes) -> bytes:
        """Encrypt `plaintext` so that it opens only as this record."""
        context = _context(kind, record_id)
        data_key = self._entropy.bytes(_DATA_KEY)
        outer, inner = self._entropy.bytes(_NONCE), self._entropy.bytes(_NONCE)
        head = VERSION + self._current.key_id
        wrapped = AESGCM(self._current.secret).encrypt(outer, data_key, head + context)
        sealed = AESGCM(data_key).encrypt(inner, plaintext, head + context)
        return b"".join((head, outer, wrapped, inner, sealed))

    def open(self, kind: str, record_id: str, sealed: bytes) -> bytes:
        """Decrypt a record; raises `SealBroken`."""
        name = f"{kind} {record_id}"
        if len(sealed) < _SMALLEST or not sealed.startswith(VERSION):
            raise SealBroken(f"{name}: not a sealed record")
        head, rest = sealed[:_HEAD], sealed[_HEAD:]
        key = self._known.get(head[len(VERSION) :])
        if key is None:
            raise SealBroken(f"{name}: its key-encryption key is not configured")
        outer, rest = rest[:_NONCE], rest[_NONCE:]
        wrapped, rest = rest[:_WRAPPED], rest[_WRAPPED:]
        inner, ciphertext = rest[:_NONCE], rest[_NONCE:]
        bound = head + _context(kind, record_id)
        try:
            data_key = AESGCM(key.secret).decrypt(outer, wrapped, bound)
            return AESGCM(data_key).decrypt(inner, ciphertext, bound)
        except InvalidTag:
            raise SealBroken(f"{name}: the seal is broken") from None

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether a record is sealed with the current key-encryption key."""
        return sealed[:_HEAD] == VERSION + self._current.key_id

    def reencrypt(self, kind: str, record_id: str, sealed: bytes) -> bytes:
        """Return the record under the current key, with a new data key; raises `SealBroken`.

        A record that is current already comes back as it is.
        """
        plaintext = self.open(kind, record_id, sealed)
        return sealed if self.is_current(sealed) else self.seal(kind, record_id, plaintext)


def _context(kind: str, record_id: str) -> bytes:
    """Join kind and id so that no two pairs look alike: each is preceded by its length."""
    parts = (kind.encode(), record_id.encode())
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
