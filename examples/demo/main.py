"""`make demo`: tell the story; exit code 0 only if each step came out as told."""

import argparse
import asyncio
import sys

from rich.console import Console

from examples.demo.run import Options, run


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="mandate demo", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="every HTTP exchange as curl lines")
    parser.add_argument(
        "--secrets", action="store_true", help="with --verbose: tokens and secrets whole"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document with every step")
    parser.add_argument("--keep", action="store_true", help="leave everything running, with links")
    given = parser.parse_args()
    if given.secrets and not given.verbose:
        parser.error("--secrets goes with --verbose")
    options = Options(
        verbose=given.verbose, secrets=given.secrets, json=given.json, keep=given.keep
    )
    return asyncio.run(run(options, Console()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
