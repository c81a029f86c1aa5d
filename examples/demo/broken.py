"""`make demo-broken`: turn off one check at a time, and see the demo fail where it must.

Each check is turned off in the server's processes by a start-up shim (`faulty.py`); the server's
code has no switch for it. Exit 0 only if every fault was caught at its predicted step.
"""

import argparse
import asyncio
import io
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from examples.demo.faults import FAULTS
from examples.demo.run import end_on_signals, tell
from examples.demo.stage import Stage
from examples.demo.story import Story
from examples.demo.wire import Wire

SHIM = (sys.executable, "-P", str(Path(__file__).with_name("faulty.py")))


async def caught_at(name: str) -> str:
    """Tell the story with a fault; return the step that noticed, or what happened instead."""
    stage = Stage(launcher=(*SHIM, name), desk_command=(*SHIM, name, "desk"))
    story = Story(Console(file=io.StringIO()), Wire(), quiet=True)
    try:
        ending = await tell(story, stage)
    finally:
        await asyncio.to_thread(stage.strike)
    if ending.step is not None:
        return ending.step
    return f"nowhere ({ending.error})" if ending.error else "nowhere"


async def run(names: list[str], jobs: int, console: Console) -> dict[str, str]:
    """Try every fault, `jobs` at a time; return where each was caught."""
    end_on_signals()
    turn = asyncio.Semaphore(jobs)

    async def one(name: str) -> tuple[str, str]:
        async with turn:
            step = await caught_at(name)
        fault = FAULTS[name]
        mark = "[green]✓[/]" if step == fault.step else "[bold red]✗[/]"
        console.print(f"{mark} without “{fault.check}”: caught at {step}", highlight=False)
        return name, step

    return dict(await asyncio.gather(*(one(name) for name in names)))


def main() -> int:
    """Read the options, run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="CHECK", help=", ".join(FAULTS))
    parser.add_argument("--jobs", type=int, default=2, help="demos at a time")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    unknown = set(given.names) - set(FAULTS)
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    console = Console(stderr=given.json)
    caught = asyncio.run(run(given.names or list(FAULTS), given.jobs, console))
    right = all(FAULTS[name].step == step for name, step in caught.items())
    rows = [
        {"name": name, "check": FAULTS[name].check, "predicted": FAULTS[name].step, "caught": step}
        for name, step in caught.items()
    ]
    if given.json:
        print(json.dumps({"ok": right, "checks": rows}, indent=2))
    else:
        _print(console, rows)
    return 0 if right else 1


def _print(console: Console, rows: list[dict[str, str]]) -> None:
    table = Table("turned off", "predicted step", "caught", box=None, header_style="bold")
    for row in rows:
        right = row["predicted"] == row["caught"]
        shown = "[green]there[/]" if right else f"[bold red]{row['caught']}[/]"
        table.add_row(row["check"], row["predicted"], shown)
    console.print()
    console.print(table)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
