"""The online question before a tool runs: `POST /access/v1/evaluation` (AuthZEN-shaped)."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

import httpx2

from mcp_tools.approval import Pending
from mcp_tools.decision import ACTIONS, Allowed, Decision, Denied
from mcp_tools.discovery import Answer, ask
from mcp_tools.rule import Ask, ObjectRef, ToolRule
from mcp_tools.unavailable import IssuerUnavailable
from mcp_tools.verifier import VerifiedToken

_LOG: Final = logging.getLogger(__name__)
_UNAVAILABLE: Final = Denied("checker_unavailable", "retry")
MAX_BATCH: Final = 50
"""Questions that Mandate answers in one request."""
MAX_BATCH_OBJECTS: Final = 100
"""Objects of all questions of one request."""


class AccessApi(Protocol):
    """Mandate's access API, wherever it answers."""

    @property
    def issuer(self) -> str:
        """Whose API it is."""
        ...

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Post JSON to `/access/v1/<path>`; raises `IssuerUnavailable`."""
        ...


class MandateApi:
    """Mandate's access API over HTTP, called as the client that is registered for this resource."""

    def __init__(
        self, *, issuer: str, client_id: str, client_secret: str, http: httpx2.AsyncClient
    ) -> None:
        self.issuer = issuer
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

    decides_objects: Final = True

    async def decide(self, token: VerifiedToken, asks: Sequence[Ask]) -> list[Decision]:
        """Decide each. Never raises: what cannot be decided is denied."""
        decided: list[Decision] = []
        for batch in _batches(asks):
            try:
                decided += await self._batch(token, batch)
            except IssuerUnavailable as error:
                _LOG.warning("Mandate cannot be asked (%s); the call is refused", error)
                decided += [_UNAVAILABLE] * len(batch)
        return decided

    async def _batch(self, token: VerifiedToken, asks: Sequence[Ask]) -> list[Decision]:
        named: dict[str, Any] = {"type": "access_token", "id": token.raw}
        if token.jkt is not None:
            # Mandate asks which key was proven here: a server that looks at no proofs cannot say.
            named["properties"] = {"cnf": {"jkt": token.jkt}}
        subject = {"subject": named}
        if len(asks) == 1:
            document = await self._post("evaluation", {**subject, **_question(asks[0])})
            return [_read(document, token, asks[0], self._api.issuer)]
        body = {**subject, "evaluations": [_question(each) for each in asks]}
        answers = (await self._post("evaluations", body)).get("evaluations")
        # AuthZEN 1.0 §7.2: one answer for each question, in the order of the questions.
        if not isinstance(answers, list) or len(answers) != len(asks):
            raise IssuerUnavailable("the evaluations are not answers to the questions")
        return [
            _read(answer if isinstance(answer, dict) else {}, token, each, self._api.issuer)
            for each, answer in zip(asks, answers, strict=True)
        ]

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._api.post(path, body)
        if answer.status != 200:
            raise IssuerUnavailable(f"Mandate's {path} answers {answer.status}")
        return answer.json_object()


def _batches(asks: Sequence[Ask]) -> Iterator[list[Ask]]:
    """Part the questions so that Mandate takes each batch."""
    batch: list[Ask] = []
    objects = 0
    for each in asks:
        if len(batch) == MAX_BATCH or (batch and objects + len(each.objects) > MAX_BATCH_OBJECTS):
            yield batch
            batch, objects = [], 0
        batch.append(each)
        objects += len(each.objects)
    if batch:
        yield batch


def _question(ask: Ask) -> dict[str, Any]:
    rule = ask.rule
    properties: dict[str, str] = {"tool": ask.about, "principal": rule.principal}
    # Before there are arguments, a relation on what they will name cannot be asked about.
    if rule.relation is not None and (ask.objects or ask.arguments is not None):
        properties["relation"] = rule.relation
    named = [{"type": each.type, "id": each.id} for each in ask.objects]
    question: dict[str, Any] = {
        "action": {"name": " ".join(rule.scopes), "properties": properties},
    }
    if len(named) == 1:
        question["resource"] = named[0]
    elif named:
        question["resources"] = named
    if ask.approval is not None:
        wanted = ask.approval
        asked: dict[str, Any] = {
            "arguments_hash": wanted.arguments_hash,
            "summary": wanted.summary,
            "for": wanted.seconds,
        }
        if wanted.max_age is not None:
            asked["max_age"] = wanted.max_age
        question["context"] = {"approval": asked}
    return question


def _read(document: dict[str, Any], token: VerifiedToken, ask: Ask, issuer: str) -> Decision:
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
            _pending(context.get("approval"), issuer) if reason == "approval_required" else None,
        )
    if ask.approval is not None and not _was_used(context.get("approval")):
        # A Mandate that does not know approvals would let everything through.
        _LOG.error("Mandate allowed a call without the approval that it needs; it is refused")
        return _UNAVAILABLE
    # An allowance must be for this subject and these objects, or it is no allowance.
    if context.get("sub") != token.sub or not _covers(context, ask.objects):
        _LOG.error("Mandate's evaluation is not about this call; the call is refused")
        return _UNAVAILABLE
    return Allowed(evaluation_id)


def _was_used(approval: object) -> bool:
    return isinstance(approval, dict) and approval.get("status") == "used"


def _pending(approval: object, issuer: str) -> Pending | None:
    if not isinstance(approval, dict):
        return None
    found = Pending.of({**approval, "approval_id": approval.get("id")})
    # The user is sent there, so it is a page of the issuer or none.
    if found is None or not found.approve_url.startswith(f"{issuer}/approvals/"):
        return None
    return found


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

    decides_objects: Final = False

    async def decide(self, token: VerifiedToken, asks: Sequence[Ask]) -> list[Decision]:
        """Decide each by the token alone."""
        return [_offline(token, ask.rule) for ask in asks]


def _offline(token: VerifiedToken, rule: ToolRule) -> Decision:
    if rule.templates:
        return Denied("object_needs_online")
    if not token.covers(rule.scopes):
        return Denied("insufficient_scope", "consent")
    return Allowed(None)
