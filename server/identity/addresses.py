"""E-mail addresses and names as people type them, checked and folded for comparison."""

import re
import unicodedata
from typing import Final

LONGEST_ADDRESS: Final = 254
"""Octets of an address (RFC 5321 §4.5.3.1.3, without the brackets)."""
LONGEST_LOCAL_PART: Final = 64
LONGEST_NAME: Final = 120
_UNWANTED: Final = re.compile(r"[\s\"(),:;<>\[\]\\]")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def email_key(address: str) -> str:
    """Return what two spellings of one address have in common: case and width are folded.

    Stricter than RFC 5321 §2.4 (local parts differ in case), as mail providers are.
    """
    folded = unicodedata.normalize("NFKC", address.strip()).casefold()
    return unicodedata.normalize("NFC", folded)


def good_address(address: str) -> bool:
    """Tell whether this can be an address: one @, something on both sides, nothing hidden."""
    local, at, domain = address.partition("@")
    return (
        bool(local and at and domain)
        and "@" not in domain
        and not domain.startswith(".")
        and not domain.endswith(".")
        and ".." not in address
        and len(address.encode()) <= LONGEST_ADDRESS
        and len(local.encode()) <= LONGEST_LOCAL_PART
        and not _UNWANTED.search(address)
        and not any(unicodedata.category(char) in _HIDDEN for char in address)
    )


def good_name(name: str) -> bool:
    """Tell whether this can be a person's name: some letter to read, and not endless."""
    return 0 < len(name) <= LONGEST_NAME and any(char.isalnum() for char in name)
