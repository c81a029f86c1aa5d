"""`mandate resource`: APIs and MCP servers with their scopes, object types and models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import resource_document
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_core
from server.cli.resource_file import from_file, from_flags
from server.domain.people import OPERATOR
from server.domain.registry import Client, ClientAuth, Resource

if TYPE_CHECKING:
    from server.domain.core import Core
    from server.services.registration import NewClient

app = typer.Typer(help="Resources: APIs and MCP servers.", no_args_is_help=True)

Several = list[str] | None


@app.command("add")
def add(
    file: Annotated[
        Path | None,
        typer.Argument(help="The resource as JSON or TOML, instead of the options below."),
    ] = None,
    uri: Annotated[
        str | None,
        typer.Option("--id", metavar="URI", help="Its RFC 8707 URI, which it never changes."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What people read.")] = None,
    scope: Annotated[
        Several,
        typer.Option(metavar="NAME=WORDS", help="A scope and what people read of it; repeatable."),
    ] = None,
    agent_own: Annotated[
        Several, typer.Option(metavar="SCOPE", help="An agent may hold it as itself.")
    ] = None,
    default: Annotated[
        Several, typer.Option(metavar="SCOPE", help="Granted when none is asked for.")
    ] = None,
    destructive: Annotated[
        Several, typer.Option(metavar="SCOPE", help="Never ticked beforehand.")
    ] = None,
    object_type: Annotated[
        Several, typer.Option("--type", help="An object type that it owns; repeatable.")
    ] = None,
    pickable: Annotated[
        Several,
        typer.Option(
            metavar="TYPE:RELATION:WORDS",
            help="Objects that people pick at consent; :contains at the end for containers.",
        ),
    ] = None,
    edge: Annotated[
        Several,
        typer.Option(
            metavar='"SCOPE URI SCOPE"',
            help="Who holds the first scope here may get the second at the resource URI.",
        ),
    ] = None,
    token_ttl: Annotated[
        int | None, typer.Option(metavar="SECONDS", help="Lifetime of its tokens [300].")
    ] = None,
    alg: Annotated[
        str | None, typer.Option(help="What its tokens are signed with [ES256].")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its module of the authorization model (.fga)."),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="CLIENT_ID",
            help="Make its own client as well, of this id: with it, it asks for decisions.",
        ),
    ] = None,
    json: output.AsJson = False,
) -> None:
    """Register a resource from a file or from options."""
    flags = {
        "id": uri, "name": name, "scopes": scope, "agent_own": agent_own, "default": default,
        "destructive": destructive, "types": object_type, "pickable": pickable, "edges": edge,
        "token_ttl": token_ttl, "alg": alg, "model": model,
    }  # fmt: skip
    given = {key: value for key, value in flags.items() if value is not None}
    if file is not None and given:
        raise Failure("give a file or options, not both", code=MISUSED)
    if file is None and not given:
        raise Failure("give a file, or at least --id and --name", code=MISUSED)
    resource = from_file(file) if file is not None else from_flags(given)
    stored, made = with_core(lambda core: _add(core, resource, client))
    document = resource_document(stored)
    if json:
        own = {
            "client_id": None if made is None else made.client.id,
            "client_secret": None if made is None else made.secret,
        }
        output.document({**document, **own})
        return
    output.facts(
        [
            ("resource", stored.id),
            ("name", stored.name),
            ("scopes", " ".join(sorted(stored.scopes))),
            ("types", " ".join(sorted(stored.types))),
        ]
    )
    if made is not None:
        output.facts([("client_id", made.client.id), ("client_secret", made.secret)])
        output.say("The secret is not shown again.")


@app.command("list")
def show_all(json: output.AsJson = False) -> None:
    """List every resource."""
    resources = with_core(lambda core: core.store.read(core.rows.resources.all))
    if json:
        output.document({"resources": [resource_document(each) for each in resources]})
        return
    output.table(
        ("uri", "name", "scopes", "types", "token lifetime"),
        [
            (r.id, r.name, " ".join(sorted(r.scopes)), " ".join(sorted(r.types)),
             f"{r.token_ttl} s")
            for r in resources
        ],
        nothing="No resources: `mandate resource add FILE` makes one.",
    )  # fmt: skip


async def _add(
    core: "Core", resource: Resource, client_id: str | None
) -> "tuple[Resource, NewClient | None]":
    from server.services.registration import add_client, add_resource

    if client_id is not None:
        taken = await core.store.read(lambda tx: core.rows.clients.get(tx, client_id))
        if taken is not None:
            raise Failure(f"a client {client_id} exists already: choose another --client")
    stored = await add_resource(core, resource, by=OPERATOR.id)
    if client_id is None:
        return stored, None
    own = Client(id=client_id, name=resource.name, auth=ClientAuth.BASIC, resource_id=resource.id)
    return stored, await add_client(core, own, by=OPERATOR.id)
