"""Any ASGI application as a protected resource: routes with rules, everything else closed."""

import json
from collections.abc import Sequence
from typing import Final

import httpx2
from mcp_types import INTERNAL_ERROR

from authz.clock import Clock
from mcp_tools.asking import Asking, Verification, asking
from mcp_tools.call import Admitted, Call, admitting, answering
from mcp_tools.challenge import FORBIDDEN, Answer, Send, send_json
from mcp_tools.deciding import decide_call
from mcp_tools.decision import Denied
from mcp_tools.edge import App, Edge, Scope
from mcp_tools.guard import call_of
from mcp_tools.messages import Receive
from mcp_tools.outcome import Recorder
from mcp_tools.policy import Policy
from mcp_tools.refusals import refusal
from mcp_tools.resource_metadata import WELL_KNOWN
from mcp_tools.route import Route, RouteInventory, path_of
from mcp_tools.sender import UsedProofs
from mcp_tools.verifier import VerifiedToken

_ERRORS: Final = {400: "invalid_request", 401: "unauthorized", 403: "access_denied"}


def protect_app(  # noqa: PLR0913 - the settings of one server, by name
    app: App,
    routes: Sequence[Route],
    *,
    issuer: str,
    resource: str,
    name: str = "",
    client_id: str | None = None,
    client_secret: str | None = None,
    offline: bool = False,
    verification: Verification = "signature",
    initial_scope: str | None = None,
    require_dpop: bool = False,
    used_proofs: UsedProofs | None = None,
    clock: Clock | None = None,
    http: httpx2.AsyncClient | None = None,
) -> Edge:
    """Return `app` behind the decision on each request; see `protect` for the settings.

    A request that is for none of `routes` gets 404 after its token was checked: what is not
    described is closed. In the application, `current_call()` says for whom it works. `resource`
    is the API's RFC 8707 URI, and paths of routes are those of the server, from its root. Raises
    `ValueError` for routes that overlap, `NotProtected` without credentials.
    """
    inventory = RouteInventory(name, routes)
    return AppEdge(
        app,
        inventory,
        asking(
            issuer=issuer,
            resource=resource,
            name=name,
            client_id=client_id,
            client_secret=client_secret,
            offline=offline,
            verification=verification,
            require_dpop=require_dpop,
            used_proofs=used_proofs,
            clock=clock,
            http=http,
        ),
        initial_scope,
    )


class AppEdge(Edge):
    """The edge of an application that is not MCP: the request line says what is asked for."""

    def __init__(
        self, app: App, inventory: RouteInventory, asked: Asking, initial_scope: str | None
    ) -> None:
        super().__init__(
            app,
            resource=asked.resource,
            policy=Policy(inventory),
            verifier=asked.verifier,
            sender=asked.sender,
            admit=asked.admit,
            clock=asked.clock,
            initial_scope=initial_scope,
            close=asked.close,
        )
        self._inventory = inventory

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in {self._resource.metadata_path, WELL_KNOWN}:
            await self._send_metadata(scope, send)
            return
        try:
            token = await self._authenticate(scope)
            request = self._admitted(token)
            call, recorder = await self._decided(scope, token, request)
        except Answer as answer:
            await _send(answer, send)
            return
        try:
            with admitting(request), answering(call):
                await self._app(scope, receive, send)
        except BaseException as error:
            recorder.ended(error)
            raise
        recorder.ended()

    async def _decided(
        self, scope: Scope, token: VerifiedToken, request: Admitted
    ) -> tuple[Call, Recorder]:
        path = path_of(scope)
        if path is None:
            raise Answer(400, FORBIDDEN, "the path has more than one reading")
        found = self._inventory.find(scope["method"], path)
        if found is None:
            raise Answer(404, FORBIDDEN, "nothing is open here")
        rule, arguments = found
        if not token.covers(rule.scopes):
            raise self._challenges.insufficient_scope(frozenset(rule.scopes), token.scopes)
        recorder = Recorder(request, rule.tool)
        decision, objects = await decide_call(request, rule, arguments)
        recorder.decided(decision, objects)
        if not isinstance(decision, Denied):
            return call_of(request, objects, decision.evaluation_id), recorder
        if decision.reason == "checker_unavailable":
            raise self._challenges.unavailable()
        refused = refusal(decision)
        # No challenge: another token would not help, and clients would step up in circles.
        raise Answer(403, FORBIDDEN, str(refused), data={"reason": refused.reason})


async def _send(answer: Answer, send: Send) -> None:
    data = answer.data or {}
    kind = "temporarily_unavailable" if answer.code == INTERNAL_ERROR else "not_found"
    body = {
        "error": data.get("error", _ERRORS.get(answer.status, kind)),
        "error_description": answer.text,
        **{key: value for key, value in data.items() if key != "error"},
    }
    headers = [(b"cache-control", b"no-store")]
    if answer.challenge is not None:
        headers.append((b"www-authenticate", answer.challenge.encode("ascii")))
    if answer.retry_after is not None:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    await send_json(send, answer.status, json.dumps(body).encode(), headers)
