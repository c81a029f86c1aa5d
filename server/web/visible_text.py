"""Names that strangers choose, made safe to read: what is invisible is shown or cut.

Unicode TR36 and TR39: direction overrides, invisible and control characters let a name lie
about what it is. Escaping for HTML is not done here.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

#: Letters that draw nothing: the Hangul fillers and the empty Braille pattern.
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_JOINERS: Final = frozenset("\u200c\u200d")
_FINE_CONTROLS: Final = frozenset("\t\n\r")
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
#: Unassigned, yet defined to draw nothing (Default_Ignorable_Code_Point).
_IGNORABLE: Final = ((0x2065, 0x2065), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF))
_MARK_PILE: Final = 4
_CACHED_NAMES: Final = 2048
_CACHED_CHARS: Final = 200


def visible(text: str) -> str:
    """Return `text` with each hidden character replaced by its code, as in ⟨U+202E⟩.

    Joiners inside non-ASCII text stay (Persian, Indic scripts and emoji need them). A pile of
    more than four combining marks is cut, since it paints over its neighbours.
    """
    if text.isascii() and text.isprintable():
        return text
    return _shown_once(text) if len(text) <= _CACHED_CHARS else _shown(text)


def _shown(text: str) -> str:
    shown: list[str] = []
    marks = 0
    for position, char in enumerate(text):
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks > _MARK_PILE:
            continue
        shown.append(f"⟨U+{ord(char):04X}⟩" if _hides(text, position) else char)
    return "".join(shown)


_shown_once = lru_cache(maxsize=_CACHED_NAMES)(_shown)


def _hides(text: str, position: int) -> bool:
    char = text[position]
    if char in _FINE_CONTROLS:
        return False
    if char in _JOINERS:
        around = text[max(0, position - 1) : position] + text[position + 1 : position + 2]
        return len(around) < 2 or bool(re.search(r"[\x00-\x7f\s]", around))
    code = ord(char)
    return (
        char in _BLANK
        or unicodedata.category(char) in _HIDDEN_CATEGORIES
        or any(low <= code <= high for low, high in _IGNORABLE)
    )
