"""Which passwords are refused, each with the reason that the person reads.

NIST SP 800-63B-4 §3.1.1.2: length and a blocklist of what is common or to be expected, no
composition rules. The long passwords that people really choose follow a few rules (a word again
and again, a walk over the keyboard, their own name), so the blocklist is those rules.
"""

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum
from itertools import pairwise
from typing import Final

from server.identity.password_words import COMMON_WORDS, RUNS
from server.identity.passwords import MAXIMUM, MINIMUM, normalise

SERVICE: Final = "mandate"
_FEWEST_KINDS: Final = 5
"""Fewer different characters than this are no password, however long."""
_RUN_SHARE: Final = 0.7
"""A password of which so much goes on from its neighbour is a sequence."""
_OWN_PART: Final = 6
"""What must be left when names and common words are taken away, in letters and digits."""
_SHORTEST_NAME: Final = 3
_LOOKALIKES: Final = str.maketrans("0134578@$!", "oieastbasi")
_NEXT: Final = frozenset(pair for run in RUNS for pair in (*pairwise(run), *pairwise(run[::-1])))


class PasswordFault(StrEnum):
    """Why a new password was refused, in the words that the person reads."""

    SHORT = f"This password is too short. Use at least {MINIMUM} characters."
    LONG = f"This password is too long. Use at most {MAXIMUM} characters."
    REPEATED = "This password repeats itself, which makes it easy to guess."
    FEW_CHARACTERS = "This password has too few different characters."
    SEQUENCE = "This password follows the alphabet, the numbers or the keyboard."
    PERSONAL = "This password is mostly your name, your address or the name of this service."
    COMMON = "This password is made of words that many people use as passwords."


def check_password(password: str, *, email: str, name: str) -> PasswordFault | None:
    """Return why a new password is refused, or none.

    It depends on what was typed alone, never on who exists.
    """
    given = normalise(password)
    if len(given) < MINIMUM:
        return PasswordFault.SHORT
    if len(given) > MAXIMUM:
        return PasswordFault.LONG
    folded = unicodedata.normalize("NFKC", given).casefold()
    if len(set(folded)) < _FEWEST_KINDS:
        return PasswordFault.FEW_CHARACTERS
    if _repeats(folded):
        return PasswordFault.REPEATED
    if _is_sequence(folded):
        return PasswordFault.SEQUENCE
    if _is_only(folded, _names(email, name), shortest_own=_OWN_PART):
        return PasswordFault.PERSONAL
    # Digits and signs around or between common words do not make them uncommon.
    if _is_only(re.sub(r"\d", "", folded), COMMON_WORDS, shortest_own=_SHORTEST_NAME):
        return PasswordFault.COMMON
    if _is_only(folded, COMMON_WORDS, shortest_own=_SHORTEST_NAME):
        return PasswordFault.COMMON
    return None


def _repeats(text: str) -> bool:
    """Tell whether the text is one piece again and again, the last time perhaps cut short."""
    return any(
        all(text[i] == text[i - width] for i in range(width, len(text)))
        for width in range(1, len(text) // 2 + 1)
    )


def _is_sequence(text: str) -> bool:
    dense = _dense(text)
    steps = sum(pair in _NEXT for pair in pairwise(dense))
    return len(dense) > 1 and steps >= _RUN_SHARE * (len(dense) - 1)


def _names(email: str, name: str) -> set[str]:
    local, _, domain = email.casefold().partition("@")
    parts = {SERVICE, local, domain, email.casefold(), name.casefold()}
    parts.update(re.split(r"[\W_]+", f"{local} {domain} {name.casefold()}"))
    dense = {_dense(unicodedata.normalize("NFKC", part)) for part in parts}
    return {part for part in dense if len(part) >= _SHORTEST_NAME}


def _is_only(text: str, words: Collection[str], *, shortest_own: int) -> bool:
    """Tell whether the text is some of these words, plain or in look-alikes, and little else."""
    for dense in (_dense(text), _dense(text.translate(_LOOKALIKES))):
        left = len(_cut(dense, words))
        if left < shortest_own and len(dense) - left >= _SHORTEST_NAME:
            return True
    return False


def _cut(dense: str, words: Collection[str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        dense = dense.replace(word, "")
    return dense


def _dense(text: str) -> str:
    """Return letters, digits, marks and the symbols beyond ASCII: what a person remembers."""
    return "".join(
        char
        for char in text
        if char.isalnum() or (not char.isascii() and unicodedata.category(char)[0] in "SM")
    )
