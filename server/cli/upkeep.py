"""`mandate backup`, `restore` and `doctor`: keep the database, and know that all is well."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.failure import FAILED

if TYPE_CHECKING:
    from server.doctor import Check


def backup(
    file: Annotated[Path, typer.Argument(help="The new file; nothing is overwritten.")],
    json: output.AsJson = False,
) -> None:
    """Write a consistent copy of the database to one file, also while servers run.

    The key-encryption key is not in it: keep a copy of that file too, somewhere else.
    """
    from server.settings import Settings
    from server.storage.backup import backup as write

    url = Settings().database
    with output.working("copying the database", json=json):
        write(url, file)
    size = file.stat().st_size
    if json:
        output.document({"file": str(file.resolve()), "bytes": size})
        return
    output.say(f"{size} bytes in {output.plain(str(file))}. The key file is not in it.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `mandate backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a database that holds something.")
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Fill the database from a backup. Stop every server first.

    What was revoked since the backup is alive again afterwards: revoke it once more.
    """
    from server.settings import Settings
    from server.storage.backup import restore as fill
    from server.storage.migrate import missing

    url = Settings().database
    with output.working("restoring the database", json=json):
        fill(url, file, force=force)
    lacking = missing(url)
    if json:
        output.document({"file": str(file.resolve()), "lacks_migrations": lacking})
        return
    output.say("Restored. What was revoked since the backup is alive again: see docs/operations.md")
    output.say("Next: mandate migrate" if lacking else "Next: mandate audit verify, mandate doctor")


def doctor(json: output.AsJson = False) -> None:
    """Look at everything that must be right, and say what to do; exit 1 if something is not."""
    from authz.clock import SystemClock
    from server.doctor import examine
    from server.domain.entropy import SystemEntropy
    from server.settings import Settings

    settings = Settings()

    async def work() -> "list[Check]":
        found = []
        async for check in examine(settings, clock=SystemClock(), entropy=SystemEntropy()):
            found.append(check)
            if not json:
                _tell(check)
        return found

    checks = asyncio.run(work())
    ok = all(check.ok for check in checks)
    if json:
        document = [
            {"name": c.name, "ok": c.ok, "seen": c.seen, "next": "" if c.ok else c.next}
            for c in checks
        ]
        output.document({"ok": ok, "checks": document})
    if not ok:
        raise typer.Exit(FAILED)


def _tell(check: "Check") -> None:
    mark = "[green]ok[/green]  " if check.ok else "[red]BAD[/red] "
    output.say(f"{mark} {check.name}: {output.plain(check.seen)}")
    if not check.ok:
        output.say(f"      next: {output.plain(check.next)}")
