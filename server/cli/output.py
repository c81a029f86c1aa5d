"""What a command says: one JSON document with stable names, or text and tables for people."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]

_PIPE_WIDTH = 240
"""Characters of a line that no terminal bounds, so that identifiers stay whole."""


def console() -> Console:
    """Return the console of standard output."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def document(value: Mapping[str, object]) -> None:
    """Print one JSON document in one line."""
    import orjson

    sys.stdout.write(orjson.dumps(value).decode() + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a line for people; `[bold]` and such are rich's markup."""
    console().print(text, soft_wrap=True)


def plain(text: str) -> str:
    """Return text in which nothing is markup or moves the cursor: names are other people's."""
    return escape("".join(char if char.isprintable() else "?" for char in text))


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values in two columns, leaving out what is empty."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", (), [], frozenset()):
            grid.add_row(name, plain(str(value)))
    console().print(grid)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str) -> None:
    """Print rows under their headings, or the words for none."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*(plain("" if cell is None else str(cell)) for cell in row))
    console().print(shown if shown.row_count else nothing)


def moment(at: int | None) -> str:
    """Return a time (Unix ms) as people of an operations desk write it, in UTC."""
    if not at:
        return ""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def working(text: str, *, json: bool) -> AbstractContextManager[object]:
    """Show on standard error that something takes a while, if a person is watching."""
    if json or not sys.stderr.isatty():
        return nullcontext()
    return Console(stderr=True).status(text)


def confirmed(question: str, *, yes: bool, json: bool) -> bool:
    """Ask; without a terminal or with --json, only --yes is a yes."""
    from server.cli.failure import MISUSED, Failure

    if yes:
        return True
    if json or not sys.stdin.isatty():
        raise Failure(
            "nobody can be asked here: look at what would happen, then add --yes", code=MISUSED
        )
    return typer.confirm(question)
