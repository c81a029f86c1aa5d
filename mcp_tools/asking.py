"""How a protected server believes tokens and asks Mandate, from one set of settings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import httpx2

from authz.clock import Clock, SystemClock
from mcp_tools.call import Admitted, Decider
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.discovery import open_http
from mcp_tools.downstream import Downstream
from mcp_tools.errors import NotProtected
from mcp_tools.evaluation import AccessApi, MandateApi, OfflineDecider, OnlineDecider
from mcp_tools.introspection import Introspecter
from mcp_tools.issuer_keys import IssuerKeys
from mcp_tools.relations import Relations
from mcp_tools.resource_metadata import Resource
from mcp_tools.sender import ProofMemory, SenderCheck, UsedProofs
from mcp_tools.verifier import Keys, TokenVerifier, VerifiedToken, Verifier

Verification = Literal["signature", "introspection"]
"""How a token is believed: by the issuer's keys, or by asking at each request (RFC 7662)."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What an edge needs to believe a token and to have its calls decided."""

    resource: Resource
    verifier: TokenVerifier
    sender: SenderCheck
    admit: Callable[[VerifiedToken], Admitted]
    clock: Clock
    close: Callable[[], Awaitable[None]] | None


def asking(  # noqa: PLR0913 - the settings of one server, by name
    *,
    issuer: str,
    resource: str,
    name: str,
    client_id: str | None,
    client_secret: str | None,
    offline: bool,
    verification: Verification = "signature",
    require_dpop: bool = False,
    used_proofs: UsedProofs | None = None,
    clock: Clock | None = None,
    http: httpx2.AsyncClient | None = None,
    api: AccessApi | None = None,
    keys: Keys | None = None,
) -> Asking:
    """Read the settings of `protect`; raises `NotProtected`, `ValueError`."""
    described = Resource(resource, issuer, name)
    used_clock = clock or SystemClock()
    used_http = http or open_http(issuer)
    decider: Decider
    relations = downstream = None
    if client_id and client_secret:
        downstream = Downstream(
            issuer=issuer,
            credentials=ClientSecret(client_id, client_secret),
            http=used_http,
            clock=used_clock,
        )
    if offline:
        decider = OfflineDecider()
    elif api is not None:
        decider, relations = OnlineDecider(api), Relations(api)
    elif client_id and client_secret:
        api = MandateApi(
            issuer=issuer, client_id=client_id, client_secret=client_secret, http=used_http
        )
        decider, relations = OnlineDecider(api), Relations(api)
    else:
        raise NotProtected("client_id and client_secret are needed to ask Mandate")
    verifier: TokenVerifier = Verifier(
        issuer=issuer,
        resource=resource,
        keys=keys or IssuerKeys(issuer, used_http, used_clock),
        clock=used_clock,
    )
    if verification == "introspection":
        if not (client_id and client_secret):
            raise NotProtected("client_id and client_secret are needed to introspect")
        verifier = Introspecter(
            issuer=issuer,
            resource=resource,
            client_id=client_id,
            client_secret=client_secret,
            http=used_http,
            clock=used_clock,
        )
    elif verification != "signature":
        raise ValueError("verification is 'signature' or 'introspection'")
    return Asking(
        described,
        verifier,
        SenderCheck(
            described.origin,
            used_clock,
            used_proofs or ProofMemory(used_clock),
            required=require_dpop,
        ),
        lambda token: Admitted(token, decider, relations, downstream),
        used_clock,
        used_http.aclose if http is None else None,
    )
