"""The one online question before a tool runs: `POST /access/v1/evaluation` (AuthZEN-shaped)."""

import logging
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

import httpx2

from mcp_tools.decision import ACTIONS, Allowed, Decision, Denied
from mcp_tools.discovery import Answer, ask
from mcp_tools.errors import IssuerUnavailable
from mcp_tools.rule import ObjectRef, ToolRule
from mcp_tools.verifier import VerifiedToken

_LOG: Final = logging.getLogger(__name__)
_UNAVAILABLE: Final = Denied("checker_unavailable", "retry")


class AccessApi(Protocol):
    """Mandate's access API, wherever it answers."""

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Post JSON to `/access/v1/<path>`; raises `IssuerUnavailable`."""
        ...


class MandateApi:
    """Mandate's access API over HTTP, called as the client that is registered for this resource."""

    def __init__(
        self, *, issuer: str, client_id: str, client_secret: str, http: httpx2.AsyncClient
    ) -> None:
        self._base = f"{issuer}/access/v1"
        # RFC 6749 §2.3.1: both parts are form-encoded before Basic.
        self._auth = httpx2.BasicAuth(quote_plus(client_id), quote_plus(client_secret))
        self._http = http

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Post JSON; raises `IssuerUnavailable`."""
        request = self._http.build_request("POST", f"{self._base}/{path}", json=body)
        return await ask(self._http, next(self._auth.auth_flow(request)))


class OnlineDecider:
    """Asks Mandate about token, delegations, scope and objects in one trip.

    Nothing is cached, so a revocation holds from the next call on.
    """

    def __init__(self, api: AccessApi) -> None:
        self._api = api

    async def decide(
        self, token: VerifiedToken, rule: ToolRule, objects: tuple[ObjectRef, ...]
    ) -> Decision:
        """Decide one call. Never raises: what cannot be decided is denied."""
        try:
            answer = await self._api.post("evaluation", _question(token, rule, objects))
            if answer.status != 200:
                _LOG.warning("Mandate's evaluation answers %d; the call is refused", answer.status)
                return _UNAVAILABLE
            return _read(answer.json_object(), token, objects)
        except IssuerUnavailable as error:
            _LOG.warning("Mandate cannot be asked (%s); the call is refused", error)
            return _UNAVAILABLE


def _question(
    token: VerifiedToken, rule: ToolRule, objects: tuple[ObjectRef, ...]
) -> dict[str, Any]:
    properties: dict[str, str] = {"tool": rule.tool, "principal": rule.principal}
    if rule.relation is not None:
        properties["relation"] = rule.relation
    named = [{"type": each.type, "id": each.id} for each in objects]
    question: dict[str, Any] = {
        "subject": {"type": "access_token", "id": token.raw},
        "action": {"name": " ".join(rule.scopes), "properties": properties},
    }
    if len(named) == 1:
        question["resource"] = named[0]
    elif named:
        question["resources"] = named
    return question


def _read(
    document: dict[str, Any], token: VerifiedToken, objects: tuple[ObjectRef, ...]
) -> Decision:
    context = document.get("context")
    context = context if isinstance(context, dict) else {}
    found = context.get("evaluation_id")
    evaluation_id = found if isinstance(found, str) else None
    if document.get("decision") is not True:
        reason, action = context.get("reason"), context.get("action")
        return Denied(
            reason if isinstance(reason, str) else "denied",
            action if action in ACTIONS else "stop",
            evaluation_id,
        )
    # An allowance must be for this subject and these objects, or it is no allowance.
    if context.get("sub") != token.sub or not _covers(context, objects):
        _LOG.error("Mandate's evaluation is not about this call; the call is refused")
        return _UNAVAILABLE
    return Allowed(evaluation_id)


def _covers(context: dict[str, Any], objects: tuple[ObjectRef, ...]) -> bool:
    decided = context.get("objects", [])
    if not isinstance(decided, list):
        return False
    allowed = {
        (each.get("type"), each.get("id"))
        for each in decided
        if isinstance(each, dict) and each.get("decision") is True
    }
    return allowed >= {(each.type, each.id) for each in objects}


class OfflineDecider:
    """Opt-in: signature, audience and scope of the token, and nothing else.

    A revocation reaches such a server when the token expires (`exp`). Objects cannot be decided.
    """

    async def decide(
        self, token: VerifiedToken, rule: ToolRule, objects: tuple[ObjectRef, ...]
    ) -> Decision:
        """Decide one call by the token alone."""
        if rule.templates:
            return Denied("object_needs_online")
        if not token.scopes.issuperset(rule.scopes):
            return Denied("insufficient_scope", "consent")
        return Allowed(None)
