"""`mandate resource`: APIs and MCP servers with their scopes, object types and models."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import resource_document
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_core
from server.cli.resource_file import from_file, from_flags
from server.domain.people import OPERATOR
from server.domain.registry import Client, ClientAuth, Resource, Scope

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
    person_only: Annotated[
        Several,
        typer.Option(metavar="SCOPE", help="For people alone: no agent ever gets it; repeatable."),
    ] = None,
    includes: Annotated[
        Several,
        typer.Option(
            metavar='"SCOPE=SCOPE ..."',
            help="Who holds the first scope holds the others too; repeatable.",
        ),
    ] = None,
    tool: Annotated[
        Several,
        typer.Option(
            metavar='"NAME SCOPE,SCOPE WORDS"',
            help="A tool of an MCP server, the scopes that it needs and what people read of it.",
        ),
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
        "destructive": destructive, "person_only": person_only, "includes": includes, "tools": tool,
        "types": object_type, "pickable": pickable, "edges": edge,
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


@app.command("update")
def update(
    file: Annotated[Path, typer.Argument(help="The resource as JSON or TOML, whole.")],
    json: output.AsJson = False,
) -> None:
    """Replace a registered resource with what a file says.

    `mandate resource show URI --json` prints it as it is. A scope that is left out is taken from
    every delegation and token at once; nobody gains anything by a change.
    """
    before, after = with_core(lambda core: _update(core, from_file(file)))
    changes = dict(_changes(before, after))
    if json:
        output.document({**resource_document(after), "changes": changes})
        return
    output.facts([("resource", after.id), ("name", after.name), *sorted(changes.items())])
    if not changes:
        output.say("No scope, tool, type or edge came or went.")


@app.command("show")
def show(
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="Its RFC 8707 URI, as it is registered.")
    ],
    json: output.AsJson = False,
) -> None:
    """Show one resource; with --json as `resource update` reads it."""
    resource = with_core(lambda core: core.store.read(lambda tx: core.rows.resources.get(tx, uri)))
    if resource is None:
        raise Failure(f"there is no resource {uri}: see `mandate resource list`")
    if json:
        output.document(resource_document(resource))
        return
    output.facts(
        [
            ("resource", resource.id),
            ("name", resource.name),
            ("types", " ".join(sorted(resource.types))),
            ("token lifetime", f"{resource.token_ttl} s"),
        ]
    )
    output.table(
        ("scope", "words", "includes", "marks"),
        [
            (s.name, s.description, " ".join(sorted(s.includes)), _marks(s))
            for s in resource.scopes.values()
        ],
        nothing="No scopes.",
    )
    if resource.tools:
        output.table(
            ("tool", "words", "scopes"),
            [(t.name, t.title, " ".join(sorted(t.scopes))) for t in resource.tools],
            nothing="",
        )


def _marks(scope: Scope) -> str:
    marks = {
        "default": scope.default,
        "agent's own": scope.agent_own,
        "destructive": scope.destructive,
        "people's own": scope.person_only,
    }
    return ", ".join(word for word, holds in marks.items() if holds)


def _changes(before: Resource, after: Resource) -> Iterator[tuple[str, str]]:
    """Tell what came and what went."""
    for what, old, new in (
        ("scopes", set(before.scopes), set(after.scopes)),
        ("tools", {t.name for t in before.tools}, {t.name for t in after.tools}),
        ("types", set(before.types), set(after.types)),
        ("edges", _edges(before), _edges(after)),
    ):
        if new - old:
            yield f"new {what}", " ".join(sorted(new - old))
        if old - new:
            yield f"{what} gone", " ".join(sorted(old - new))


def _edges(resource: Resource) -> set[str]:
    return {f"({e.scope} {e.to_resource} {e.to_scope})" for e in resource.edges}


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


async def _update(core: "Core", resource: Resource) -> tuple[Resource, Resource]:
    from server.services.resources import update_resource

    return await update_resource(core, resource, by=OPERATOR.id)


async def _add(
    core: "Core", resource: Resource, client_id: str | None
) -> "tuple[Resource, NewClient | None]":
    from server.services.registration import add_client
    from server.services.resources import add_resource

    if client_id is not None:
        taken = await core.store.read(lambda tx: core.rows.clients.get(tx, client_id))
        if taken is not None:
            raise Failure(f"a client {client_id} exists already: choose another --client")
    stored = await add_resource(core, resource, by=OPERATOR.id)
    if client_id is None:
        return stored, None
    own = Client(id=client_id, name=resource.name, auth=ClientAuth.BASIC, resource_id=resource.id)
    return stored, await add_client(core, own, by=OPERATOR.id)
