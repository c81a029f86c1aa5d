"""`mandate client`: OAuth clients of applications, agents and resource servers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from server.cli import output
from server.cli.documents import client_document, new_client_document
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_core
from server.domain.people import OPERATOR
from server.domain.registry import Client, ClientAuth, GrantType, Status

if TYPE_CHECKING:
    from server.domain.core import Core
    from server.services.registration import NewClient

app = typer.Typer(help="OAuth clients.", no_args_is_help=True)

SHORT: Final = {
    "token-exchange": GrantType.TOKEN_EXCHANGE,
    "jwt-bearer": GrantType.JWT_BEARER,
}
"""What may be typed for a grant type beside its name."""


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What people read on the consent page.")],
    client_id: Annotated[
        str, typer.Option("--id", help="An id of your own, otherwise one is made.")
    ] = "",
    agent: Annotated[
        str | None, typer.Option(help="The agent (agt_…) that acts through this client.")
    ] = None,
    resource_server: Annotated[
        str | None,
        typer.Option(metavar="URI", help="The resource whose own client this is."),
    ] = None,
    auth: Annotated[
        ClientAuth | None, typer.Option(help="How it authenticates [client_secret_basic].")
    ] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(metavar="URI", help="May be repeated.")
    ] = None,
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(metavar="URI", help="May be repeated.")
    ] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            help="A grant type, may be repeated; token-exchange and jwt-bearer for short. Without:"
            " what its redirect URIs (authorization_code, refresh_token) and its agent"
            " (client_credentials, token-exchange; jwt-bearer for a workload) need."
        ),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope that it may ask for, may be repeated.")
    ] = None,
    jwks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its public keys (private_key_jwt).")
    ] = None,
    jwks_uri: Annotated[
        str | None, typer.Option(metavar="URI", help="Where it publishes its keys.")
    ] = None,
    assertion_audience: Annotated[
        str | None,
        typer.Option(metavar="URI", help="The aud of its assertions, if not the issuer."),
    ] = None,
    id_token_alg: Annotated[
        str, typer.Option(metavar="ALG", help="ES256, EdDSA or RS256.")
    ] = "ES256",
    public: Annotated[
        bool, typer.Option("--public", help="It can keep no secret (auth none, PKCE).")
    ] = False,
    first_party: Annotated[
        bool, typer.Option("--first-party", help="Ours: the person's own tool, no agent.")
    ] = False,
    may_impersonate: Annotated[
        bool, typer.Option("--may-impersonate", help="Exchange without an actor (never agents).")
    ] = False,
    may_introspect: Annotated[
        bool, typer.Option("--may-introspect", help="Introspect tokens of other audiences.")
    ] = False,
    rotate_refresh: Annotated[
        bool, typer.Option("--rotate-refresh", help="A new refresh token at each use.")
    ] = False,
    require_par: Annotated[
        bool, typer.Option("--require-par", help="Only pushed authorization requests.")
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Register a client. Its secret is shown this once."""
    method = _method(auth, public=public)
    confidential = method is not ClientAuth.NONE
    client = Client(
        id=client_id,
        name=name,
        auth=method,
        jwks=None if jwks is None else _key_set(jwks),
        jwks_uri=jwks_uri,
        assertion_audience=assertion_audience,
        redirect_uris=tuple(redirect_uri or ()),
        post_logout_redirect_uris=tuple(post_logout_redirect_uri or ()),
        grant_types=frozenset({GrantType.JWT_BEARER})
        if grant is None and method is ClientAuth.WORKLOAD
        else _grants(grant, redirects=bool(redirect_uri), acts=confidential and agent is not None),
        scopes=frozenset(scope or ()),
        agent_id=agent,
        resource_id=resource_server,
        may_impersonate=may_impersonate,
        may_introspect=may_introspect,
        rotate_refresh=rotate_refresh,
        require_par=require_par,
        first_party=first_party,
        id_token_alg=_signing(id_token_alg),
    )
    shown(with_core(lambda core: _add(core, client)), json=json)


@app.command("list")
def show_all(json: output.AsJson = False) -> None:
    """List every client."""
    clients = with_core(lambda core: core.store.read(core.rows.clients.all))
    if json:
        output.document({"clients": [client_document(client) for client in clients]})
        return
    output.table(
        ("id", "name", "status", "authentication", "agent", "resource", "made"),
        [
            (c.id, c.name, c.status, c.auth, c.agent_id, c.resource_id,
             output.moment(c.created_at))
            for c in clients
        ],
        nothing="No clients yet: `mandate client add NAME` makes one.",
    )  # fmt: skip


@app.command("disable")
def disable(
    client_id: Annotated[str, typer.Argument(help="The id of the client.")],
    json: output.AsJson = False,
) -> None:
    """Refuse a client and everything it holds, from the next request on."""
    _status(client_id, Status.SUSPENDED, json=json)


@app.command("enable")
def enable(
    client_id: Annotated[str, typer.Argument(help="The id of the client.")],
    json: output.AsJson = False,
) -> None:
    """Let a disabled client in again."""
    _status(client_id, Status.ACTIVE, json=json)


async def _add(core: "Core", client: Client) -> "NewClient":
    from server.services.registration import add_client

    return await add_client(core, client, by=OPERATOR.id)


def shown(new: "NewClient", *, json: bool) -> None:
    """Print a new client and its secret."""
    if json:
        output.document(new_client_document(new))
        return
    client = new.client
    output.facts(
        [
            ("client_id", client.id),
            ("client_secret", new.secret),
            ("authentication", client.auth.value),
            ("grants", " ".join(sorted(client.grant_types))),
            ("scopes", " ".join(sorted(client.scopes))),
            ("agent", client.agent_id),
            ("resource", client.resource_id),
        ]
    )
    if new.secret is not None:
        output.say("The secret is not shown again.")


def _status(client_id: str, status: Status, *, json: bool) -> None:
    async def work(core: "Core") -> bool:
        from server.services.registration import set_client_status

        return await set_client_status(core, client_id, status, by=OPERATOR.id)

    changed = with_core(work)
    if json:
        output.document({"client_id": client_id, "status": status.value, "changed": changed})
    else:
        word = "now" if changed else "already"
        output.say(f"{output.plain(client_id)} is {word} {status.value}.")


def _method(auth: ClientAuth | None, *, public: bool) -> ClientAuth:
    if public and auth not in (None, ClientAuth.NONE):
        raise Failure(f"a public client has no {auth}: leave out --public or --auth", code=MISUSED)
    return ClientAuth.NONE if public else auth or ClientAuth.BASIC


def _grants(named: list[str] | None, *, redirects: bool, acts: bool) -> frozenset[GrantType]:
    if named is not None:
        return frozenset(_grant(word) for word in named)
    found: set[GrantType] = set()
    if redirects:
        found |= {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}
    if acts:
        found |= {GrantType.CLIENT_CREDENTIALS, GrantType.TOKEN_EXCHANGE}
    return frozenset(found)


def _grant(word: str) -> GrantType:
    try:
        return SHORT.get(word) or GrantType(word)
    except ValueError:
        known = [grant.value for grant in GrantType if ":" not in grant] + list(SHORT)
        message = f"{word} is no grant type: use {', '.join(known)}"
        raise Failure(message, code=MISUSED) from None


def _signing(alg: str) -> str:
    from server.keys.signing_keys import SIGNING_ALGORITHMS

    if alg not in SIGNING_ALGORITHMS:
        message = f"--id-token-alg is one of {', '.join(SIGNING_ALGORITHMS)}"
        raise Failure(message, code=MISUSED)
    return alg


def _key_set(path: Path) -> str:
    from authz.jose import InvalidKey, parse_key_set

    raw = path.read_bytes()
    try:
        parse_key_set(raw)
        return raw.decode()
    except (InvalidKey, UnicodeDecodeError) as error:
        message = f"{path} is no JWK set that we can use: {error}"
        raise Failure(message, code=MISUSED) from None
