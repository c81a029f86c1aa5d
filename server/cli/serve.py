"""`mandate serve`: the server, in one process or in several that share one socket."""

import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.failure import MISUSED, Failure

if TYPE_CHECKING:
    from server.settings import Settings


def serve(
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; one a core is a good number.")
    ] = 1,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [MANDATE_HOST].")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="The port to listen on [MANDATE_PORT]; 0 picks a free one."
        ),
    ] = None,
    json: output.AsJson = False,
) -> None:
    """Answer requests until SIGTERM or SIGINT; requests in progress are finished first.

    Put a proxy that does TLS in front of it, on this machine. With --json one line an event.
    """
    from server.settings import Settings

    settings = Settings()
    _look_first(settings)
    sock = bound(host or settings.host, settings.port if port is None else port)
    if workers > 1:
        from server.cli.workers import supervise

        supervise(sock, workers, told=lambda event: _tell(settings, sock, event, json=json))
        return
    import uvloop

    from server.cli.listening import listen

    event = {"event": "ready", "pid": os.getpid(), "workers": [os.getpid()]}
    uvloop.run(listen(settings, sock, ready=lambda: _tell(settings, sock, event, json=json)))


def _look_first(settings: "Settings") -> None:
    """Refuse before anything is opened what no worker could start with."""
    from server.app import SchemaBehindError, keks, outbound_tls
    from server.storage.migrate import missing

    keks(settings)
    outbound_tls(settings)
    lacking = missing(settings.database)
    if lacking:
        message = f"the database lacks {', '.join(lacking)}: run `mandate migrate`"
        raise SchemaBehindError(message)


def bound(host: str, port: int) -> socket.socket:
    """Return a listening socket, or say what is wrong with the address; raises `Failure`."""
    from server.cli.listening import bind

    try:
        return bind(host, port)
    except socket.gaierror:
        raise Failure(f"{host} is no address of this machine: see --host", code=MISUSED) from None
    except OSError as error:
        hint = "choose another --port, or 0 for a free one"
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror}; {hint}") from None


def _tell(
    settings: "Settings", sock: socket.socket, event: dict[str, object], *, json: bool
) -> None:
    host, port = sock.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if json:
        output.document({**event, "url": url, "port": port, "issuer": settings.issuer})
        return
    match event["event"]:
        case "ready":
            pids = event["workers"]
            named = ", ".join(str(pid) for pid in pids) if isinstance(pids, list) else ""
            text = f"Mandate answers on {url} (issuer {settings.issuer}), process {event['pid']}"
            workers = "" if named == str(event["pid"]) else f", workers {named}"
            sys.stdout.write(f"{text}{workers}\n")
        case "lost":
            sys.stdout.write(f"worker {event['pid']} ended with {event['code']}\n")
        case "replaced":
            sys.stdout.write(f"worker {event['pid']} replaces worker {event['lost']}\n")
    sys.stdout.flush()
