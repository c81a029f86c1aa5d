"""`mandate demo`: the story of the whole product, which ships with the source."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import server
from server.cli import output
from server.cli.failure import Failure

_ROOT = Path(server.__file__).resolve().parents[1]


def demo(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show every HTTP exchange, with curl lines.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running, and print its links.")
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Watch agents act for a user, be refused where they must be, and be stopped."""
    story = _ROOT / "examples" / "demo" / "main.py"
    if not story.is_file():
        raise Failure("the demo ships with the source: clone the repository and run `make demo`")
    flags = {"--verbose": verbose, "--keep": keep, "--json": json}
    command = [sys.executable, str(story), *(flag for flag, given in flags.items() if given)]
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    sys.stdout.flush()
    # In our place, not below us: on Ctrl-C it ends its processes itself and is not cut short.
    os.execve(sys.executable, command, environment)  # noqa: S606 - an argument list, no shell
