"""`mandate idjag`: where clients may take people's identity (Mandate as identity provider)."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import id_jag_document
from server.cli.opened import with_core
from server.domain.id_jag_policy import IdJagPolicy
from server.domain.people import OPERATOR

if TYPE_CHECKING:
    from server.domain.core import Core

app = typer.Typer(
    help="Identity assertions (ID-JAG): where clients may take people's identity.",
    no_args_is_help=True,
)

ClientId = Annotated[str, typer.Argument(metavar="CLIENT", help="The id of the client here.")]
Audience = Annotated[
    str,
    typer.Option(metavar="URL", help="The issuer of the resource's authorization server."),
]
Target = Annotated[str, typer.Option(metavar="URL", help="The resource that it protects.")]


@app.command("allow")
def allow(
    client: ClientId,
    audience: Audience,
    resource: Target,
    scope: Annotated[list[str], typer.Option(help="A scope there, may be repeated.")],
    client_there: Annotated[
        str, typer.Option(metavar="ID", help="The client's id at that server.")
    ],
    with_email: Annotated[
        bool,
        typer.Option("--with-email", help="Tell the address, if an administrator vouches for it."),
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Allow a client assertions for one resource, in place of what it was allowed there."""
    policy = IdJagPolicy(
        client_id=client,
        audience=audience,
        resource=resource,
        scopes=frozenset(scope),
        client_id_there=client_there,
        with_email=with_email,
    )

    async def work(core: "Core") -> IdJagPolicy:
        from server.services.id_jag_policies import allow_id_jag

        return await allow_id_jag(core, policy, by=OPERATOR.id)

    stored = with_core(work)
    if json:
        output.document(id_jag_document(stored))
        return
    output.facts(
        [
            ("client", stored.client_id),
            ("audience", stored.audience),
            ("resource", stored.resource),
            ("scopes", " ".join(sorted(stored.scopes))),
            ("client there", stored.client_id_there),
        ]
    )


@app.command("list")
def show_all(json: output.AsJson = False) -> None:
    """List where clients may take people's identity."""
    policies = with_core(lambda core: core.store.read(core.rows.id_jag_policies.all))
    if json:
        output.document({"policies": [id_jag_document(each) for each in policies]})
        return
    output.table(
        ("client", "audience", "resource", "scopes", "client there"),
        [
            (p.client_id, p.audience, p.resource, " ".join(sorted(p.scopes)), p.client_id_there)
            for p in policies
        ],
        nothing="No client may take anybody's identity anywhere.",
    )


@app.command("remove")
def remove(
    client: ClientId, audience: Audience, resource: Target, json: output.AsJson = False
) -> None:
    """Allow it no more, from the next request on."""

    async def work(core: "Core") -> bool:
        from server.services.id_jag_policies import forbid_id_jag

        return await forbid_id_jag(core, client, audience, resource, by=OPERATOR.id)

    changed = with_core(work)
    if json:
        output.document({"client_id": client, "changed": changed})
    else:
        output.say("It is not allowed any more." if changed else "It was not allowed.")
