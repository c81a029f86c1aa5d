"""The OpenFGA HTTP API over the product's own store, for tokens of ours (docs/openfga-api.md)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from authz.api.application import CALLS
from authz.api.calls import Api, Call, OwnStore, handler
from authz.api.gate import MISSING, Admitted, Permission, Shut
from authz.api.jwt_gate import SCOPES
from authz.calls.refusals import Forbidden
from authz.calls.scene import Setting
from authz.stores.named import NamedStore
from server.domain.refusal import Refused
from server.domain.unit import StaleSnapshotError, UnavailableError
from server.keys.signer import NoSigningKey
from server.protocol.graph_access import graph_caller
from server.protocol.graph_changes import only_of_resources
from server.services import Services
from server.web.answers import DPOP_ALGS
from server.web.dpop import sent_token, with_nonce
from server.web.security_headers import JSON_HEADERS

STORE: Final = "0MANDATE000000000000000000"
"""What the product's own store is called in the API, in every installation: ids are ULIDs."""
_UNABLE: Final = (UnavailableError, StaleSnapshotError, NoSigningKey)


class OwnTokens:
    """Lets in who has a live token of ours for this API, with the scope of the call."""

    def __init__(self, services: Services) -> None:
        """Check with the use cases of the server."""
        self._services = services

    async def admit(self, request: Request, wanted: Permission) -> Shut | Admitted:
        """Return the caller's own view of the database, which audits what it changes."""
        services = self._services
        sent = sent_token(request, services.core.policy.issuer)
        if isinstance(sent, Refused):
            return MISSING._replace(challenges=_challenges("", bound=False))
        found = await graph_caller(
            services.core, services.reader, services.proofs, sent, SCOPES[wanted]
        )
        if not isinstance(found, Refused):
            return Admitted(found)
        if found.reason == "token_missing":
            return MISSING._replace(challenges=_challenges("", bound=False))
        if found.status == 403:
            return Shut(403, "forbidden", found.description)
        foreign = found.reason == "wrong_audience"
        code = "auth_failed_invalid_audience" if foreign else "auth_failed_invalid_bearer_token"
        challenges = _challenges(found.error, bound=sent.bound)
        return Shut(401, code, found.description, challenges)


def _challenges(error: str, *, bound: bool) -> tuple[str, ...]:
    """Name both schemes, with the error in that of a bound token (RFC 9449 §7.1)."""
    if not bound:
        return ("Bearer", f"DPoP {DPOP_ALGS}")
    return (f'DPoP error="{error}", {DPOP_ALGS}', "Bearer")


def routes(services: Services) -> list[Route]:
    """Return the routes under /authz, none unless the API is switched on."""
    core = services.core
    if not core.policy.authz_api:
        return []
    api = Api(
        core.store,
        Setting(core.clock, core.entropy.bytes),
        OwnTokens(services),
        _UNABLE,
        OwnStore(NamedStore(STORE, "mandate", 0, 0), core.relations.store_id),
        only_of_resources,
    )
    return [
        Route(
            f"/authz{call.path}",
            _sealed(services, handler(api, _served(call))),
            methods=[call.method],
            name=f"/authz{call.path}",
        )
        for call in CALLS
    ]


def _served(call: Call) -> Call:
    """Let stores, models and assertions be read alone: the product's are the server's affair."""
    if call.permission is Permission.ADMIN and call.method != "GET":
        return replace(call, endpoint=_not_here)
    return call


async def _not_here(_: Api, __: Request) -> Response:
    raise Forbidden(
        "the server has one store, whose model is made of the modules of its resources"
        " (`mandate resource add --model`); stores of your own are served by `mandate authz serve`"
    )


def _sealed(
    services: Services,
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        response = await endpoint(request)
        response.headers.update(JSON_HEADERS)
        return with_nonce(services, request, response)

    return answer
