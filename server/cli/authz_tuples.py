"""`mandate authz tuples`: who is in a group, has a role or may call a tool, written by hand."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_core
from server.domain.people import OPERATOR

if TYPE_CHECKING:
    from authz.relations import RelationTuple
    from authz.stores.protocol import StoredTuple

app = typer.Typer(
    help="Tuples of the graph: organizations, groups, roles, tools.", no_args_is_help=True
)

_User = Annotated[
    str,
    typer.Argument(help="Who: a person's address or id, or mandate/group:acme.eng#member."),
]
_Relation = Annotated[str, typer.Argument(help="Which relation, such as member.")]
_Object = Annotated[str, typer.Argument(help="On what, such as mandate/group:acme.eng.")]


@app.command("add")
def add(
    user: _User,
    relation: _Relation,
    object: _Object,
    until: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="When it ends, such as 2027-01-31T18:00Z; the model must allow it."
        ),
    ] = "",
    json: output.AsJson = False,
) -> None:
    """Write a tuple. It counts from the next decision on."""
    from server.services.tuples import TupleRefusedError, add_tuple

    end = _moment(until) if until else None
    try:
        written = with_core(
            lambda core: add_tuple(core, user, relation, object, until=end, by=OPERATOR.id)
        )
    except TupleRefusedError as error:
        raise Failure(str(error)) from error
    _tell("Written", written, json=json)


@app.command("remove")
def remove(user: _User, relation: _Relation, object: _Object, json: output.AsJson = False) -> None:
    """Delete a tuple. What it gave is gone with the next decision."""
    from server.services.tuples import TupleRefusedError, remove_tuple

    try:
        gone = with_core(lambda core: remove_tuple(core, user, relation, object, by=OPERATOR.id))
    except TupleRefusedError as error:
        raise Failure(str(error)) from error
    _tell("Removed", gone, json=json)


@app.command("list")
def show_all(
    user: Annotated[str, typer.Option(help="Of this user: an address, an id, user:usr_….")] = "",
    relation: Annotated[str, typer.Option(help="Only this relation.")] = "",
    object: Annotated[
        str, typer.Option(help="Of this object, or of a whole type: mandate/group:")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    json: output.AsJson = False,
) -> None:
    """List stored tuples of a user or of an object. Give at least one of the two."""
    from server.services.tuples import TupleRefusedError, find_tuples

    if not user and not object:
        raise Failure("give --user or --object", code=MISUSED)
    try:
        found = with_core(
            lambda core: find_tuples(core, user=user, relation=relation, object=object, limit=limit)
        )
    except TupleRefusedError as error:
        raise Failure(str(error)) from error
    if json:
        output.document({"tuples": [_stored_document(each) for each in found]})
        return
    output.table(
        ("user", "relation", "object", "condition"),
        [
            (each.key.user, each.key.relation, each.key.object, f"{each.condition} {each.context}")
            for each in found
        ],
        nothing="No tuples.",
    )


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Failure("--until takes a time with its zone, 2027-01-31T18:00Z", code=MISUSED)
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _tell(done: str, changed: "RelationTuple", *, json: bool) -> None:
    until = (changed.context or {}).get("until")
    if json:
        output.document(
            {
                "user": changed.user,
                "relation": changed.relation,
                "object": changed.object,
                "until": until,
            }
        )
        return
    ends = f", until {until}" if until else ""
    output.say(output.plain(f"{done}: {changed.object}#{changed.relation}@{changed.user}{ends}"))


def _stored_document(stored: "StoredTuple") -> dict[str, object]:
    import orjson

    return {
        "user": stored.key.user,
        "relation": stored.key.relation,
        "object": stored.key.object,
        "condition": stored.condition or None,
        "context": orjson.loads(stored.context) if stored.context else None,
    }
