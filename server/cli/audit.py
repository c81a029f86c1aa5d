"""`mandate audit`: read, seal, check and export the audit trail."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.failure import FAILED, MISUSED, Failure
from server.cli.opened import with_core, with_server
from server.domain.audit import AuditFilter

if TYPE_CHECKING:
    from authz.jose import KeySource
    from authz.tx import Tx
    from server.app import Server
    from server.domain.audit import AuditEntry, AuditPage, Cursor
    from server.domain.core import Core
    from server.signals.audit_verify import Report

app = typer.Typer(help="The audit trail.", no_args_is_help=True)

_WINDOW = 1000
"""Newest rows that --follow looks at each time."""


@app.command("tail")
def tail(
    user: Annotated[str, typer.Option(help="Only of this person: an id or address.")] = "",
    agent: Annotated[str, typer.Option(help="Only where this agent acted (agt_…).")] = "",
    delegation: Annotated[str, typer.Option(help="Only of this delegation (dlg_…).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on as events come, until interrupted.")
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Show the newest events, the newest last. With --follow and --json one line an event."""

    async def work(core: "Core") -> None:
        from server.cli.people import find

        user_id = ""
        if user:
            user_id = (await core.store.read(lambda tx: find(core, tx, user))).id
        wanted = AuditFilter(user_id=user_id, agent_id=agent, grant_id=delegation)
        entries = await _newest(core, wanted, limit)
        if json and not follow:
            output.document({"events": [_document(entry) for entry in entries]})
            return
        for entry in entries:
            _print(entry, json=json)
        if not entries and not follow:
            output.say("No events.")
        if follow:
            await _follow(core, wanted, json=json)

    with_core(work)


@app.command("seal")
def seal(json: output.AsJson = False) -> None:
    """Seal what waits now; a running server does this by itself every few seconds."""

    async def work(server: "Server") -> tuple[int, int]:
        from server.signals.audit_seal import sealer

        core = server.services.core
        sealed = await sealer(core, server.services.keys).seal()
        return sealed, (await core.store.read(core.rows.trail.count))[1]

    with output.working("sealing", json=json):
        sealed, unsealed = with_server(work)
    if json:
        output.document({"sealed": sealed, "unsealed": unsealed})
        return
    output.say(f"{sealed} events sealed, {unsealed} wait.")
    if unsealed and not sealed:
        output.say("Another process is the sealer just now.")


@app.command("verify")
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


@app.command("export")
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
            return _check_file(export, known, outside)
        return await check(
            core.store, core.rows.trail, known, revoked=revoked, kept_outside=outside
        )

    return with_server(work)


def _check_file(path: Path, keys: "KeySource", outside: str | None) -> "Report":
    from server.signals.audit_export import verify_export

    with path.open("rb") as lines:
        return verify_export(lines, keys, kept_outside=outside)


def _key_set(path: Path) -> "KeySource":
    from authz.jose import InvalidKey, parse_key_set

    try:
        return parse_key_set(path.read_bytes())
    except InvalidKey as error:
        raise Failure(f"{path} is no key set: {error}", code=MISUSED) from None


def _tell(report: "Report", *, json: bool) -> None:
    if json:
        output.document(
            {"ok": report.ok, "sealed": report.sealed, "unsealed": report.unsealed,
             "first_bad_seq": report.first_bad_seq, "what": report.what, "head": report.head}
        )  # fmt: skip
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


async def _newest(core: "Core", wanted: "AuditFilter", limit: int) -> "list[AuditEntry]":
    """Return the newest entries, oldest first; rare ones may lie behind several pages."""
    found: list[AuditEntry] = []
    before: Cursor | None = None
    while len(found) < limit:

        def search(tx: "Tx", before: "Cursor | None" = before) -> "AuditPage":
            left = limit - len(found)
            return core.rows.audit.search(tx, wanted, before=before, limit=left)

        page = await core.store.read(search)
        found += page.entries
        before = page.older
        if before is None:
            break
    return found[::-1]


async def _follow(core: "Core", wanted: "AuditFilter", *, json: bool) -> None:
    import asyncio

    seen = {entry.id for entry in await _newest(core, wanted, _WINDOW)}
    while True:
        await asyncio.sleep(1)
        entries = await _newest(core, wanted, _WINDOW)
        for entry in entries:
            if entry.id not in seen:
                _print(entry, json=json)
        seen = {entry.id for entry in entries}


def _document(entry: "AuditEntry") -> dict[str, object]:
    record = entry.record
    return {
        "event_id": entry.id,
        "at": record.at,
        "tag": record.tag.value,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "user_id": record.user_id,
        "agents": list(record.agents),
        "client_id": record.client_id,
        "grant_id": record.grant_id,
        "resource": record.resource,
        "object": record.object,
        "request_id": record.request_id,
        "trace_id": record.trace_id,
        "detail": dict(record.detail),
        "sealed": entry.sealed,
    }


def _print(entry: "AuditEntry", *, json: bool) -> None:
    if json:
        output.document(_document(entry))
        return
    record = entry.record
    named = (
        ("human", record.user_id),
        ("agents", " < ".join(record.agents)),
        ("client", record.client_id),
        ("delegation", record.grant_id),
        ("on", record.object or record.resource),
    )
    parts = [
        output.moment(record.at),
        f"{record.tag.value} {record.outcome.value}",
        f"({record.reason})" if record.reason else "",
        *(f"{name}={value}" for name, value in named if value),
        "" if entry.sealed else "(not sealed yet)",
    ]
    output.say(output.plain("  ".join(part for part in parts if part)))
