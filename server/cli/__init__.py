"""The `mandate` command line: everything that an operator does, also while a server runs."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave the process: 0 done, 1 it could not be done, 2 wrong usage."""
    from server.cli.program import run

    raise SystemExit(run(arguments))
