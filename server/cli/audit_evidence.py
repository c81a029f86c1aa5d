"""`mandate audit verify|export`: the trail as evidence, checked here or anywhere else."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import report_document
from server.cli.failure import FAILED, MISUSED, Failure
from server.cli.opened import with_core, with_server

if TYPE_CHECKING:
    from collections.abc import Collection

    from authz.jose import KeySource
    from server.app import Server
    from server.domain.core import Core
    from server.signals.audit_verify import Report


def verify(
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check an exported file instead of the database."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The key set (JWKS) to check --export with, without a database."
        ),
    ] = None,
    head: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A head that was kept outside, as `verify` printed it."),
    ] = None,
    json: output.AsJson = False,
) -> None:
    """Check every seal and signature; exit 1 and name the first bad row if one is wrong."""
    from authz.jose import InvalidToken
    from server.signals.audit_export import UnreadableExport

    if keys is not None and export is None:
        raise Failure("--keys goes with --export", code=MISUSED)
    outside = None if head is None else head.read_text().strip()
    try:
        with output.working("checking the trail", json=json):
            report = _report(export, keys, outside)
    except UnreadableExport as error:
        raise Failure(f"{export}: {error}") from None
    except InvalidToken:
        raise Failure(f"{head} is no head that these keys signed") from None
    _tell(report, json=json)


def export(
    file: Annotated[Path, typer.Argument(help="Where to; - is standard output.")],
    personal: Annotated[
        bool, typer.Option("--personal", help="With addresses and e-mails that were not erased.")
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Write the sealed trail as JSON lines, which `audit verify --export` checks."""
    to_output = file == Path("-")
    if to_output and json:
        raise Failure("standard output cannot take both: name a file", code=MISUSED)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        opened = sys.stdout if to_output else os.fdopen(os.open(file, flags, 0o600), "w")
    except FileExistsError:
        raise Failure(f"{file} exists already: name another file") from None

    async def work(core: "Core") -> int:
        from server.signals.audit_export import export as write_out

        return await write_out(
            core.store, core.rows.trail, opened.write, issuer=core.policy.issuer,
            now=core.clock.now(), personal=personal,
        )  # fmt: skip

    try:
        with output.working("exporting", json=json):
            rows = with_core(work)
    except BaseException:
        if not to_output:
            file.unlink()
        raise
    opened.flush()
    if to_output:
        return
    os.fsync(opened.fileno())
    opened.close()
    if json:
        output.document({"file": str(file.resolve()), "rows": rows})
    else:
        output.say(f"{rows} events written to {output.plain(str(file))}.")


def _report(export: Path | None, keys: Path | None, outside: str | None) -> "Report":
    from server.signals.audit_verify import trail_keys
    from server.signals.audit_verify import verify as check

    if export is not None and keys is not None:
        return _check_file(export, _key_set(keys), outside)

    async def work(server: "Server") -> "Report":
        from server.storage.keys import SqlSigningKeys

        core = server.services.core
        known, revoked = trail_keys(await core.store.read(SqlSigningKeys().all))
        if export is not None:
            return _check_file(export, known, outside, revoked)
        return await check(
            core.store, core.rows.trail, known, revoked=revoked, kept_outside=outside
        )

    return with_server(work)


def _check_file(
    path: Path, keys: "KeySource", outside: str | None, revoked: "Collection[str]" = ()
) -> "Report":
    from server.signals.audit_export import verify_export

    with path.open("rb") as lines:
        return verify_export(lines, keys, revoked=revoked, kept_outside=outside)


def _key_set(path: Path) -> "KeySource":
    from authz.jose import InvalidKey, parse_key_set

    try:
        return parse_key_set(path.read_bytes())
    except InvalidKey as error:
        raise Failure(f"{path} is no key set: {error}", code=MISUSED) from None


def _tell(report: "Report", *, json: bool) -> None:
    if json:
        output.document(report_document(report))
    elif report.ok:
        output.say(f"The trail is whole: {report.sealed} events sealed, {report.unsealed} not yet.")
        if report.head:
            output.say("Keep this head outside, for `mandate audit verify --head`:")
            sys.stdout.write(f"{report.head}\n")
    else:
        output.say(f"{report.sealed} events are good, {report.unsealed} are not sealed yet.")
        raise Failure(f"event {report.first_bad_seq} of the trail: {report.what}")
    if not report.ok:
        raise typer.Exit(FAILED)
