"""Chapter 11: who did what for whom, and that nobody can rewrite it unseen."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from examples.demo.play import Deed, Play
from examples.demo.processes import StageError

WHOLE = "whole"


async def tell(play: Play) -> None:
    """Read the trail, check it, and try to forge copies of it."""
    play.story.chapter(
        "11 · The audit",
        "Every decision was written in the transaction that it belongs to, with the person and",
        "every agent. Rows are sealed into a chain whose heads are signed.",
    )
    desk = play.stage.desk
    events = (await desk.mandate("audit", "tail", "--limit", "10000"))["events"]
    _named(play, events)
    _revoked(play, events)
    head = await _whole(play)
    await _forged(play, events, head)


def _named(play: Play, events: list[dict[str, Any]]) -> None:
    decisions = [event for event in events if event["tag"] == "decision:evaluated"]
    trail = [
        Deed(event["detail"].get("tool", ""), (event["user_id"], *event["agents"]), event["reason"])
        for event in decisions
    ]
    found = _in_order(play.deeds, trail)
    play.story.check(
        "audit.named",
        f"The trail tells all {len(play.deeds)} calls of agents in their order, each with the"
        " person, every agent, and the reason",
        "all", "all" if found is None else f"not: {found}",
    )  # fmt: skip
    nameless = [e for e in decisions if e["grant_id"] and not (e["user_id"] and e["agents"])]
    play.story.check(
        "audit.nobody_missing", "No decision under a delegation lacks its person or its agents",
        "0 lack one", f"{len(nameless)} lack one",
    )  # fmt: skip
    for deed in [d for d in play.deeds if d.reason][-6:]:
        person, *agents = deed.named
        play.story.note(f"{play.names([*agents, person])}: {deed.tool} refused, {deed.reason}")


def _revoked(play: Play, events: list[dict[str, Any]]) -> None:
    ended = {
        f"{play.name(agent)} by {play.name(event['detail'].get('by', 'somebody'))}"
        for event in events
        if event["tag"] == "delegation:revoked" and event["user_id"] == play.ana.user_id
        for agent in event["agents"]
    }
    play.story.check(
        "audit.revoked", "It tells whose delegations Ana ended, hand-overs included",
        "Courier by Ana, Quill by Ana, Sift by Ana", ", ".join(sorted(ended)),
    )  # fmt: skip


async def _whole(play: Play) -> str:
    """Verify the trail once everything is sealed; return the newest head."""
    report: dict[str, Any] = {}
    for _ in range(20):
        await play.stage.desk.mandate("audit", "seal")
        report = await play.stage.desk.mandate("audit", "verify")
        # A worker may be sealing at this moment; it is quick.
        if report["unsealed"] == 0:
            break
        await asyncio.sleep(0.1)
    sealed = WHOLE if report["ok"] and report["sealed"] > len(play.deeds) else "not whole"
    play.story.check(
        "audit.verify", f"mandate audit verify: {report['sealed']} rows sealed",
        "whole, 0 wait", f"{sealed}, {report['unsealed']} wait",
    )  # fmt: skip
    return str(report["head"])


async def _forged(play: Play, events: list[dict[str, Any]], head: str) -> None:
    """Forge three copies; each fails at the right row."""
    outside = play.stage.home / "head.jws"
    outside.write_text(head)
    refused = [e for e in events if e["tag"] == "decision:evaluated" and e["reason"]]
    event_id = next(e["event_id"] for e in refused if e["reason"] == "consent_object")
    told = {
        "edit": "A refusal is edited into a success",
        "rehash": "The same, and every seal after it is made again",
        "cut": "The newest rows are cut off with their heads; a head was kept outside",
    }
    copies = {deed: play.stage.home / f"{deed}.db" for deed in told}
    rows = {_copied(play.stage.database, copy, event_id) for copy in copies.values()}
    bad = await play.stage.forge(copies, min(rows))
    for deed, words in told.items():
        code, document = await _verified(play, copies[deed], outside if deed == "cut" else None)
        play.story.check(
            f"audit.{deed}", f"{words}: {document['what']}",
            f"exit 1, row {bad[deed]}", f"exit {code}, row {document['first_bad_seq']}",
        )  # fmt: skip
    code, document = await _verified(play, play.stage.database, outside)
    play.story.check(
        "audit.control", "The true trail fits the head that was kept outside",
        "exit 0, whole", f"exit {code}, {WHOLE if document['ok'] else document['what']}",
        control=True,
    )  # fmt: skip


def _copied(database: Path, copy: Path, event_id: str) -> int:
    with sqlite3.connect(database) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        found = target.execute("SELECT seal_seq FROM audit WHERE id = ?", (event_id,)).fetchone()
    source.close()
    target.close()
    return int(found[0])


async def _verified(play: Play, database: Path, head: Path | None) -> tuple[int, dict[str, Any]]:
    options = ["--head", str(head)] if head is not None else []
    code, said, complained = await play.stage.desk.try_mandate(
        "audit", "verify", *options, "--json", MANDATE_DATABASE_URL=f"sqlite:///{database}"
    )
    try:
        return code, json.loads(said)
    except ValueError:
        raise StageError(f"mandate audit verify: {complained or said}") from None


def _in_order(wanted: Iterable[Deed], trail: Iterable[Deed]) -> Deed | None:
    """Return the first deed that is not in the trail after the one before it, or none."""
    rest = iter(trail)
    return next((deed for deed in wanted if deed not in rest), None)
