"""Tokens of the OpenFGA DSL: names, punctuation and line ends, each with its place.

A comment is a line that starts with `#`, or what follows ` #`; a `#` glued to a name is the
relation sign of a type restriction.
"""

import re
from typing import NamedTuple, NoReturn

from authz.errors import ModelError, Problem

_NAME = re.compile(r"[A-Za-z_](?:[/.\-]?[A-Za-z0-9_]+)*|[A-Za-z_]")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_VERSION = re.compile(r"[0-9]+\.[0-9]+")
_BLANK = " \t\f"

NAME = "name"
VERSION = "version"
LINE_END = "end of line"
END = "end of model"
BUT_NOT = "but not"

RESERVED = frozenset(
    {
        "and",
        "condition",
        "define",
        "false",
        "from",
        "in",
        "null",
        "or",
        "relations",
        "true",
        "with",
    }
)
"""Words that cannot name a type, relation or condition; `type`, `model`, `schema` can."""


class Token(NamedTuple):
    """A token, where it begins, and whether blanks stand before it."""

    kind: str
    text: str
    line: int
    column: int
    spaced: bool

    @property
    def shown(self) -> str:
        """The token as a message quotes it."""
        return self.kind if self.kind in (LINE_END, END) else f"'{self.text}'"


class Scanner:
    """Walks over a text with one token of look-ahead."""

    def __init__(self, text: str, source: str = "") -> None:
        self._text = text.replace("\r\n", "\n").replace("\r", "\n")
        self._source = source
        self._at = 0
        self._line = 0
        self._line_start = 0
        self.previous = LINE_END
        self.token = self._scan()

    def next(self) -> Token:
        """Return the current token and move on."""
        token = self.token
        self.previous = token.kind
        if token.kind != END:
            self.token = self._scan()
        return token

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        """Refuse the text at a token (default: the current one)."""
        at = token or self.token
        raise self._error(message, at.line, at.column)

    def body(self) -> tuple[str, tuple[int, int]]:
        """Return the raw text up to the brace that closes the current `{`, and its place.

        Braces inside strings and in map literals do not close it. Comments are left out.
        """
        opening = self.token
        depth, begins = 1, (-1, -1)
        kept: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if begins[0] < 0 and not char.isspace() and not self._comment_begins():
                begins = (self._line, self._at - self._line_start)
            if char in "\"'":
                kept.append(self._string(char))
                continue
            if self._comment_here():
                self._skip_line()
                _strip_end(kept)
                continue
            if self._comment_begins():
                self._skip_line()
                continue
            depth += {"{": 1, "}": -1}.get(char, 0)
            self._at += 1
            if depth == 0:
                self.previous = "}"
                self.token = self._scan()
                return "".join(kept).strip(), begins
            if char == "\n":
                self._new_line()
                if self._text[self._at - 2] in _BLANK:
                    _strip_end(kept)
            kept.append(char)
        raise self._error("this brace is never closed", opening.line, opening.column)

    def _string(self, quote: str) -> str:
        """Pass a CEL string literal, triple-quoted and raw ones included."""
        start, line, column = self._at, self._line, self._at - self._line_start
        raw = start > 0 and self._text[start - 1] in "rR"
        mark = quote * 3 if self._text.startswith(quote * 3, start) else quote
        self._at += len(mark)
        while self._at < len(self._text):
            if self._text.startswith(mark, self._at):
                self._at += len(mark)
                return self._text[start : self._at]
            char = self._text[self._at]
            if char == "\n":
                if len(mark) == 1:
                    break
                self._at += 1
                self._new_line()
            else:
                self._at += 2 if char == "\\" and not raw else 1
        raise self._error("this string is never closed", line, column)

    def _error(self, message: str, line: int, column: int) -> ModelError:
        return ModelError((Problem("syntax", message, line, column, self._source),))

    def _new_line(self) -> None:
        self._line += 1
        self._line_start = self._at

    def _comment_here(self) -> bool:
        text, at = self._text, self._at
        return text[at] == "#" and (at == self._line_start or text[at - 1] in _BLANK)

    def _comment_begins(self) -> bool:
        """Whether a comment of the DSL or of CEL begins here."""
        return self._comment_here() or self._text.startswith("//", self._at)

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _scan(self) -> Token:
        text, size = self._text, len(self._text)
        spaced = False
        ended: Token | None = None
        while self._at < size:
            char = text[self._at]
            if char in _BLANK:
                self._at += 1
                spaced = True
            elif self._comment_here():
                self._skip_line()
            elif char == "\n":
                ended = ended or self._token(LINE_END, "\n", spaced=spaced)
                self._at += 1
                self._new_line()
            else:
                return ended or self._visible(spaced=spaced)
        return ended or self._token(END, "", spaced=spaced)

    def _visible(self, *, spaced: bool) -> Token:
        text, at = self._text, self._at
        if text[at].isdecimal():
            number = _VERSION.match(text, at)
            word = number.group() if number else text[at]
            token = self._token(VERSION if number else "number", word, spaced=spaced)
        elif found := _NAME.match(text, at):
            plain = _PLAIN_NAME.match(text, at)
            word = max(found.group(), plain.group() if plain else "", key=len)
            if word == "but" and text.startswith("but not", at) and not _continues(text, at + 7):
                word = BUT_NOT
            token = self._token(BUT_NOT if word == BUT_NOT else NAME, word, spaced=spaced)
        else:
            token = self._token(text[at], text[at], spaced=spaced)
        self._at += len(token.text)
        return token

    def _token(self, kind: str, text: str, *, spaced: bool) -> Token:
        return Token(kind, text, self._line, self._at - self._line_start, spaced)


def _strip_end(kept: list[str]) -> None:
    """Drop the blanks at the end of a line."""
    while kept and kept[-1] in _BLANK:
        kept.pop()


def _continues(text: str, at: int) -> bool:
    return at < len(text) and (text[at].isalnum() or text[at] in "_-/.")
