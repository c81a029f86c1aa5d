"""`mandate authz push`, `diff` and `import`: model and tuples to and from an OpenFGA server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from server.cli import output
from server.cli.failure import FAILED, MISUSED, Failure
from server.cli.opened import opened

if TYPE_CHECKING:
    from authz.model.compiled import Model
    from authz.openfga.bring import Sorted
    from authz.openfga.compare import Differences
    from authz.openfga.push import Pushed
    from authz.openfga.shipper import Shipper
    from authz.relations import RelationTuple
    from authz.stores.protocol import NewTuple
    from server.domain.core import Core

T = TypeVar("T")
SHOWN = 20


def push(
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete there the tuples that Mandate does not have.")
    ] = False,
    yes: output.Yes = False,
    json: output.AsJson = False,
) -> None:
    """Make the OpenFGA store of the settings equal to Mandate's: its model and all tuples.

    Stopped in the middle it goes on when it is run again. After it a server with
    MANDATE_AUTHZ_ENGINE=openfga sends what changes.
    """
    question = "Delete every tuple of that store that Mandate does not have?"
    if prune and not output.confirmed(question, yes=yes, json=json):
        raise typer.Abort

    async def work(shipper: "Shipper", _: "Core", told: "Told") -> "Pushed":
        from authz.openfga.push import Busy, Extra
        from authz.openfga.push import push as bring_there
        from authz.openfga.shipper import LostLease

        try:
            return await bring_there(
                shipper, prune=prune, told=lambda what, count: told(f"{count} {what}")
            )
        except (Busy, LostLease):
            raise Failure(
                "a server sends changes to that store at this moment: try again, or wait a minute"
            ) from None
        except Extra as extra:
            raise Failure(
                f"that store has {extra}; they would count in decisions: see `mandate authz diff`,"
                " then take them with `mandate authz import` or delete them with --prune"
            ) from None

    done = _with_remote("pushing", work, json=json)
    if json:
        output.document(
            {"model_id": done.model, "tuples": done.tuples, "sent": done.shipped,
             "written": done.written, "changed": done.changed, "deleted": done.deleted}
        )  # fmt: skip
        return
    output.facts(
        [("model", done.model), ("tuples", done.tuples), ("changes sent", done.shipped),
         ("written", done.written), ("conditions changed", done.changed),
         ("deleted", done.deleted)]
    )  # fmt: skip
    output.say("That store is equal to Mandate's. Next: MANDATE_AUTHZ_ENGINE=openfga")


def diff(json: output.AsJson = False) -> None:
    """Compare model and tuples with the OpenFGA store of the settings, both ways.

    The exit code is 0 if they are equal, 1 if not, 2 if they cannot be compared.
    """

    async def work(
        shipper: "Shipper", core: "Core", told: "Told"
    ) -> "tuple[list[str], Differences]":
        return await _compared(shipper, core, told)

    try:
        model, tuples = _with_remote("comparing", work, json=json)
    except Failure as failure:
        raise Failure(str(failure), code=MISUSED) from None
    equal = tuples.equal and not model
    if json:
        output.document(
            {"equal": equal, "model": model, "ours": tuples.ours, "theirs": tuples.theirs,
             "missing": list(map(_own, tuples.missing)), "other": list(map(_own, tuples.other)),
             "extra": list(map(_text, tuples.extra))}
        )  # fmt: skip
    else:
        _list("model", model)
        _list("only in Mandate", list(map(_own, tuples.missing)))
        _list("with another condition", list(map(_own, tuples.other)))
        _list("only in OpenFGA", list(map(_text, tuples.extra)))
        verdict = "equal" if equal else "not equal"
        output.say(f"{verdict}: {tuples.ours} tuples here, {tuples.theirs} there")
    if not equal:
        raise typer.Exit(FAILED)


def import_(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come in, and write nothing.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(help="Write that store's model to this new file, in the DSL, and no tuple."),
    ] = None,
    yes: output.Yes = False,
    json: output.AsJson = False,
) -> None:
    """Take over the tuples of the OpenFGA store of the settings that Mandate does not have.

    Its model must be valid, and each tuple must fit Mandate's: register the resource servers
    first, with the types that they guard. Consents and ceilings are never taken from outside.
    """
    if model is not None:
        _write_model(model, json=json)
        return

    async def look(shipper: "Shipper", core: "Core", told: "Told") -> "tuple[Sorted, int]":
        from authz.openfga.bring import sort
        from server.services.imported import own_types

        _, found = await _compared(shipper, core, told)
        ours = await core.store.read(core.relations.model)
        return sort(ours, own_types(), found.extra), len(found.other)

    found, other = _with_remote("reading", look, json=json)
    _tell_import(found, other, json=json, done=dry_run or bool(found.refused))
    if found.refused:
        raise Failure(
            f"{len(found.refused)} tuples do not fit Mandate's model, so none was taken: register"
            " their resource server with its types (`mandate resource add --model`)"
        )
    if dry_run or not found.admitted:
        return
    question = f"Take over {len(found.admitted)} tuples?"
    if not output.confirmed(question, yes=yes, json=json):
        raise typer.Abort

    async def take(_: "Shipper", core: "Core", __: "Told") -> None:
        from server.services.imported import write_imported

        await write_imported(core, found.admitted, by="cli")

    _with_remote("writing", take, json=json)
    if json:
        _tell_import(found, other, json=json, done=True, taken=len(found.admitted))
    else:
        output.say(f"{len(found.admitted)} tuples taken over")


def _tell_import(found: "Sorted", other: int, *, json: bool, done: bool, taken: int = 0) -> None:
    """Say what comes in and what does not; with --json once, when nothing follows."""
    if json:
        if done:
            refused = [{"tuple": _text(given), "why": why} for given, why in found.refused]
            output.document(
                {"taken": taken, "fitting": len(found.admitted), "other": other,
                 "left_out": list(map(_text, found.owned)), "refused": refused}
            )  # fmt: skip
        return
    _list("would come in", list(map(_text, found.admitted)))
    _list("left out, since consents and ceilings are Mandate's own", list(map(_text, found.owned)))
    _list("refused", [f"{_text(given)}: {why}" for given, why in found.refused])
    if other:
        output.say(f"{other} tuples have another condition here: they stay as they are here")
    if not found.admitted and not found.refused:
        output.say("nothing to take over")


def _write_model(file: Path, *, json: bool) -> None:
    async def look(shipper: "Shipper", _: "Core", __: "Told") -> "Model | None":
        return await _model_there(shipper)

    found = _with_remote("reading", look, json=json)
    if found is None:
        raise Failure("that store has no model yet")
    with file.open("x", encoding="utf-8") as out:
        out.write(found.to_dsl())
    if json:
        output.document({"file": str(file.resolve())})
        return
    output.say(f"{output.plain(str(file))} written; see docs/openfga-engine.md for what is next")


Told = Callable[[str], None]
Work = Callable[["Shipper", "Core", Told], Awaitable[T]]


def _with_remote(what: str, work: Work[T], *, json: bool) -> T:
    """Run `work` with the OpenFGA server of the settings; raises `Failure`."""

    async def run() -> T:
        async with _remote() as (shipper, core):
            return await work(shipper, core, told)

    with output.working(what, json=json) as status:

        def told(text: str) -> None:
            update: Any = getattr(status, "update", None)
            if update is not None:
                update(f"{what}: {text}")

        return asyncio.run(run())


@asynccontextmanager
async def _remote() -> "AsyncIterator[tuple[Shipper, Core]]":
    from authz.errors import ModelError
    from server.engine import open_shipper

    async with opened() as server:
        core = server.services.core
        try:
            remote, shipper = open_shipper(
                server.settings, core.store, core.relations, core.clock, core.entropy
            )
        except ValueError as error:
            raise Failure(str(error), code=MISUSED) from None
        from authz.openfga.failure import NEXT, RemoteFailure

        try:
            yield shipper, core
        except RemoteFailure as failure:
            text = f"the OpenFGA server gave no answer: {failure}; {NEXT[failure.fault]}"
            raise Failure(text) from None
        except ModelError as error:
            raise Failure(f"the model of that store is not valid: {error}") from None
        finally:
            await remote.close()


async def _compared(
    shipper: "Shipper", core: "Core", told: Told
) -> "tuple[list[str], Differences]":
    from authz.openfga.compare import compare
    from authz.openfga.models import differences

    theirs = await _model_there(shipper)
    ours = await core.store.read(core.relations.model)
    model = ["no model there"] if theirs is None else differences(ours, theirs)

    async def between(read: int) -> None:
        told(f"{read} tuples read")

    return model, await compare(core.store, shipper.applied.store, shipper.remote, between)


async def _model_there(shipper: "Shipper") -> "Model | None":
    from authz.openfga.models import model_asked, read

    standing = await shipper.database.read(shipper.applied.standing)
    found = await model_asked(shipper.remote, standing.remote_model)
    return None if found is None else read(found)


def _list(title: str, lines: list[str]) -> None:
    if not lines:
        return
    output.say(f"[bold]{title}[/bold]: {len(lines)}")
    for line in lines[:SHOWN]:
        output.say(f"  {output.plain(line)}")
    if len(lines) > SHOWN:
        output.say(f"  … and {len(lines) - SHOWN} more (--json has all)")


def _own(new: "NewTuple") -> str:
    with_ = f" with {new.condition} {new.context}".rstrip() if new.condition else ""
    return f"{new.key}{with_}"


def _text(given: "RelationTuple") -> str:
    with_ = f" with {given.condition}" if given.condition else ""
    return f"{given.object}#{given.relation}@{given.user}{with_}"
