"""How a protected server believes tokens and asks Mandate, from one set of settings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx2

from authz.clock import Clock, SystemClock
from mcp_tools.call import Admitted, Decider
from mcp_tools.discovery import open_http
from mcp_tools.errors import NotProtected
from mcp_tools.evaluation import MandateApi, OfflineDecider, OnlineDecider
from mcp_tools.issuer_keys import IssuerKeys
from mcp_tools.relations import Relations
from mcp_tools.resource_metadata import Resource
from mcp_tools.verifier import VerifiedToken, Verifier


@dataclass(frozen=True, slots=True)
class Asking:
    """What an edge needs to believe a token and to have its calls decided."""

    resource: Resource
    verifier: Verifier
    admit: Callable[[VerifiedToken], Admitted]
    clock: Clock
    close: Callable[[], Awaitable[None]] | None


def asking(
    *,
    issuer: str,
    resource: str,
    name: str,
    client_id: str | None,
    client_secret: str | None,
    offline: bool,
    clock: Clock | None,
    http: httpx2.AsyncClient | None,
) -> Asking:
    """Read the settings of `protect`; raises `NotProtected`, `ValueError`."""
    described = Resource(resource, issuer, name)
    used_clock = clock or SystemClock()
    used_http = http or open_http(issuer)
    decider: Decider
    relations = None
    if offline:
        decider = OfflineDecider()
    elif client_id and client_secret:
        api = MandateApi(
            issuer=issuer, client_id=client_id, client_secret=client_secret, http=used_http
        )
        decider, relations = OnlineDecider(api), Relations(api)
    else:
        raise NotProtected("client_id and client_secret are needed to ask Mandate")
    return Asking(
        described,
        Verifier(
            issuer=issuer,
            resource=resource,
            keys=IssuerKeys(issuer, used_http, used_clock),
            clock=used_clock,
        ),
        lambda token: Admitted(token, decider, relations),
        used_clock,
        used_http.aclose if http is None else None,
    )
