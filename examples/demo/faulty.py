"""Starts `mandate` with one check turned off: `python faulty.py FAULT serve|desk …`."""

import sys

from examples.demo import desk
from examples.demo.faults import FAULTS
from server.cli import main as mandate


def main() -> None:
    """Put the fault in, then go on as if nothing were wrong."""
    name, *arguments = sys.argv[1:]
    FAULTS[name].install()
    if arguments == ["desk"]:
        desk.main()
        return
    mandate(arguments)


if __name__ == "__main__":
    main()
