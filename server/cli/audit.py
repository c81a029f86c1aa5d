"""`mandate audit tail|seal`: read the audit trail, and seal it."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import event_document
from server.cli.opened import with_core, with_server
from server.domain.audit import AuditFilter

if TYPE_CHECKING:
    from authz.tx import Tx
    from server.app import Server
    from server.domain.audit import AuditEntry, Cursor
    from server.domain.core import Core

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
            output.document({"events": [event_document(entry) for entry in entries]})
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


async def _newest(core: "Core", wanted: "AuditFilter", limit: int) -> "list[AuditEntry]":
    """Return the newest entries, oldest first; rare ones may lie behind several pages."""
    found: list[AuditEntry] = []

    def search(tx: "Tx") -> None:
        before: Cursor | None = None
        while len(found) < limit:
            left = limit - len(found)
            page = core.rows.audit.search(tx, wanted, before=before, limit=left)
            found.extend(page.entries)
            before = page.older
            if before is None:
                return

    await core.store.read(search)
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


def _print(entry: "AuditEntry", *, json: bool) -> None:
    if json:
        output.document(event_document(entry))
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
