"""`mandate authz serve` and `migrate`: the OpenFGA API over a database of its own."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.failure import MISUSED, Failure

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from authz.api.gate import Gate
    from server.cli.authz_settings import AuthzSettings

    Close = Callable[[], Awaitable[None]]

BRANCH = "authz"
"""The migrations of the engine's tables; the whole schema has them as well."""


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [MANDATE_AUTHZ_HOST].")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="The port to listen on [MANDATE_AUTHZ_PORT]; 0 picks a free one.",
        ),
    ] = None,
    json: output.AsJson = False,
) -> None:
    """Answer the calls of the OpenFGA API until SIGTERM or SIGINT.

    Who may call is decided by MANDATE_AUTHZ_AUTH: preshared keys, tokens of an issuer, or nobody
    but this machine.
    """
    import uvloop

    from server.cli.serve import bound
    from server.storage.migrate import missing

    settings = _settings(host, port)
    lacking = missing(settings.database, branch=BRANCH)
    if lacking:
        raise Failure(f"the database lacks {', '.join(lacking)}: run `mandate authz migrate`")
    gate, close = _gate(settings)
    sock = bound(settings.host, settings.port)
    uvloop.run(_listen(settings, gate, close, sock, json=json))


def migrate(json: output.AsJson = False) -> None:
    """Bring the engine's own tables to this version's schema. Back the database up first."""
    from server.storage.migrate import missing, upgrade

    url = _settings(None, None, anywhere=True).database
    lacking = missing(url, branch=BRANCH)
    with output.working("migrating the database", json=json):
        upgrade(url, branch=BRANCH)
    if json:
        output.document({"applied": lacking})
        return
    output.say(f"Applied {', '.join(lacking)}." if lacking else "Nothing to do.")


def _settings(host: str | None, port: int | None, *, anywhere: bool = False) -> "AuthzSettings":
    from pydantic import ValidationError

    from server.cli.authz_settings import AuthzSettings

    given: dict[str, object] = {"host": host, "port": port}
    if anywhere:
        # Nobody is let in where nobody listens.
        given |= {"auth": "none", "host": "127.0.0.1"}
    try:
        return AuthzSettings(**{n: v for n, v in given.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        text = str(first["msg"]).removeprefix("Value error, ")
        raise Failure(f"MANDATE_AUTHZ_{name}: {text}" if name else text, code=MISUSED) from None


async def _listen(
    settings: "AuthzSettings", gate: "Gate", close: "Close", sock: "socket.socket", *, json: bool
) -> None:
    from authz.api.application import make_application
    from authz.api.calls import Api
    from authz.calls.scene import Setting
    from authz.clock import SystemClock
    from server.cli.listening import serve_application
    from server.domain.entropy import SystemEntropy
    from server.domain.unit import UnavailableError
    from server.signals.logs import configure_logging
    from server.storage.store import open_store

    configure_logging(settings.log_level)
    store = open_store(settings.database)

    async def close_all() -> None:
        await store.close()
        await close()

    setting = Setting(SystemClock(), SystemEntropy().bytes)
    api = Api(store, setting, gate, (UnavailableError,))
    app = make_application(api, close_all)
    await serve_application(app, sock, ready=lambda: _tell(sock, json=json))


def _gate(settings: "AuthzSettings") -> "tuple[Gate, Close]":
    """Return who is let in, and what ends what that needs; raises `Failure` and `OSError`."""
    from authz.api.gate import OpenGate, PresharedKeys
    from authz.api.jwt_gate import JwtGate
    from authz.clock import SystemClock
    from server.outbound.addresses import AddressPolicy
    from server.outbound.download import tls_context
    from server.outbound.fetcher import Fetcher
    from server.outbound.issuer_keys import IssuerKeys
    from server.outbound.resolver import SystemResolver

    if settings.auth == "none":
        return OpenGate(), _nothing
    if settings.auth == "preshared":
        try:
            return PresharedKeys(settings.preshared_keys()), _nothing
        except ValueError as error:
            raise Failure(f"MANDATE_AUTHZ_KEYS: {error}", code=MISUSED) from None
    clock, resolver = SystemClock(), SystemResolver()
    fetcher = Fetcher(
        policy=AddressPolicy.for_issuer(settings.issuer),
        resolver=resolver,
        tls=tls_context(None),
        clock=clock,
    )
    keys = IssuerKeys(settings.issuer, settings.jwks_url, fetcher, clock)
    gate = JwtGate(
        issuer=settings.issuer,
        audience=settings.audience,
        keys=keys.keys,
        clock=clock,
        scoped=settings.require_scopes,
    )

    async def close() -> None:
        await fetcher.close()
        resolver.close()

    return gate, close


async def _nothing() -> None:
    """End nothing."""


def _tell(sock: "socket.socket", *, json: bool) -> None:
    host, port = sock.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if json:
        output.document({"event": "ready", "pid": os.getpid(), "url": url, "port": port})
        return
    sys.stdout.write(f"The relationship engine answers on {url}, process {os.getpid()}\n")
    sys.stdout.flush()
