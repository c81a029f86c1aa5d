"""The key-encryption key: from the environment or a file that only its owner can read."""

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from server.domain.entropy import Entropy

KEK_BYTES: Final = 32
KEK_ID_BYTES: Final = 8
_MAX_FILE: Final = 4096
_TEXT_LENGTH: Final = 43
"""Characters of 32 bytes in base64url without padding."""


class UnusableKek(Exception):
    """The key-encryption key is absent, malformed, or lies where others can read it."""


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """256 bits that seal all others, and the public name of this key."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key of another length."""
        if len(self.secret) != KEK_BYTES:
            raise UnusableKek("the key-encryption key must have 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Name the key by a hash: it is random, so the name gives nothing away."""
        return hashlib.sha256(b"mandate key-encryption key id\0" + self.secret).digest()[
            :KEK_ID_BYTES
        ]


def parse_keks(text: str) -> tuple[KeyEncryptionKey, ...]:
    """Read one or more keys (base64url, 32 bytes each) parted by white space; raises `UnusableKek`.

    The first seals; the following ones only open, which is what a change of the key needs.
    """
    keys = tuple(_parse(word) for word in text.split())
    if not keys:
        raise UnusableKek("the key-encryption key is empty")
    if len({key.key_id for key in keys}) != len(keys):
        raise UnusableKek("a key-encryption key is given twice")
    return keys


def read_kek_file(path: Path) -> tuple[KeyEncryptionKey, ...]:
    """Read `MANDATE_KEK_FILE`; raises `UnusableKek` if group or others may touch the file."""
    try:
        # O_NONBLOCK: a named pipe must not hold up the start.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UnusableKek(f"cannot read {path}: {error.strerror}") from None
    try:
        # Asked of the open file, not of its name, so that nobody swaps it in between.
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnusableKek(f"{path} is not a regular file")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnusableKek(f"{path} must have mode 0600: run `chmod 600` on it")
        raw = os.read(handle, _MAX_FILE + 1)
    finally:
        os.close(handle)
    if len(raw) > _MAX_FILE:
        raise UnusableKek(f"{path} is too large")
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise UnusableKek(f"{path} is not text") from None
    return parse_keks(text)


def create_kek_file(path: Path, entropy: Entropy) -> KeyEncryptionKey:
    """Make a new key in a new file of mode 0600; raises `UnusableKek` if the file exists."""
    key = KeyEncryptionKey(entropy.bytes(KEK_BYTES))
    try:
        # O_EXCL: never overwrite the only key to a database, never follow a planted link.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UnusableKek(f"{path} exists already; it is kept as it is") from None
    except OSError as error:
        raise UnusableKek(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        file.write(base64.urlsafe_b64encode(key.secret).rstrip(b"=") + b"\n")
        file.flush()
        os.fsync(handle)
    return key


def _parse(word: str) -> KeyEncryptionKey:
    text = word.rstrip("=")
    try:
        # `-_` is the alphabet of base64url; strict, so that a mistyped key is not another key.
        raw = binascii.a2b_base64(text.translate(_TO_STANDARD) + "=", strict_mode=True)
    except (binascii.Error, ValueError):
        raise UnusableKek("the key-encryption key is not base64url") from None
    if len(text) != _TEXT_LENGTH or "+" in text or "/" in text:
        raise UnusableKek("the key-encryption key must be 32 bytes in base64url")
    return KeyEncryptionKey(raw)


_TO_STANDARD: Final = str.maketrans("-_", "+/")
