"""POST /access/v1/evaluation: the one online question of a resource server (DESIGN 3.10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authz.decision import Denied, Reason, advice
from server.delegation.decision import Call, Decision, decide_call
from server.delegation.standing import Standing, standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.refusal import Refused, invalid_request
from server.domain.registry import Client, Resource
from server.domain.tokens import TokenKind, TokenRecord
from server.protocol.presented import TokenReader
from server.protocol.scopes import parse_scope

MAX_OBJECTS = 50
MAX_TEXT = 512
_PRINCIPALS = {"delegated": frozenset[str](), "agent": frozenset({"agent"})}
_PRINCIPALS["user"] = frozenset({"user"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A parsed evaluation request."""

    token: str
    call: Call
    tool: str
    request_id: str | None


class Evaluation:
    """Answers a resource server about a token that names it as audience."""

    def __init__(self, core: Core, reader: TokenReader) -> None:
        """Read presented tokens with `reader`."""
        self._core = core
        self._reader = reader

    async def answer(self, caller: Client, body: Any) -> Mapping[str, object] | Refused:
        """Decide, write the decision down, then answer; raises `UnavailableError` (503)."""
        question = parse(body)
        if isinstance(question, Refused):
            return question
        await self._core.snapshot.refresh()
        resource = await own_resource(self._core, caller)
        if isinstance(resource, Refused):
            return resource
        record, alive, decision = await self._decide(resource, question)
        audit_id = await self._audit(resource, question, record, alive, decision)
        return _answer(record, alive, decision, audit_id)

    async def _decide(
        self, resource: Resource, question: Question
    ) -> tuple[TokenRecord | None, Standing | None, Decision]:
        presented = await self._reader.read(question.token)
        if isinstance(presented, Denied):
            return None, None, Decision(presented)
        record = presented.record
        if record.audience != resource.id:
            # Nothing about somebody else's token: neither who, nor whether it lives.
            return None, None, Decision(Denied(Reason.WRONG_AUDIENCE))
        if record.kind in (TokenKind.ID, TokenKind.HANDOVER):
            return record, None, Decision(Denied(Reason.WRONG_KIND))
        alive = await standing(self._core, record, self._core.clock.now())
        if isinstance(alive, Denied):
            return record, None, Decision(alive)
        return record, alive, await decide_call(self._core, alive, resource, question.call)

    async def _audit(
        self,
        resource: Resource,
        question: Question,
        record: TokenRecord | None,
        alive: Standing | None,
        decision: Decision,
    ) -> str:
        core, denied = self._core, decision.denied
        grant_id = record.grant_id if record is not None else None
        event = AuditRecord(
            tag=AuditTag.DECISION,
            outcome=Outcome.DONE if denied is None else Outcome.REFUSED,
            reason=None if denied is None else denied.reason.value,
            at=core.clock.now(),
            user_id=record.sub if record is not None and _has_user(record) else None,
            agents=await self._agents(record, alive),
            client_id=record.client_id if record is not None else None,
            grant_id=grant_id,
            resource=resource.id,
            object=" ".join(question.call.objects) or None,
            request_id=question.request_id,
            detail={
                "tool": question.tool,
                "scope": " ".join(sorted(question.call.scopes)),
                "relation": question.call.relation or "",
                "jti": record.jti if record is not None else "",
                "detail": denied.detail if denied is not None else "",
            },
        )
        return await core.store.write(lambda tx: core.rows.audit.record(tx, event))

    async def _agents(self, record: TokenRecord | None, alive: Standing | None) -> tuple[str, ...]:
        """Name every agent of the path, also of one that is dead by now."""
        if alive is not None:
            return alive.chain
        if record is None:
            return ()
        if record.kind is TokenKind.AGENT_SELF:
            return (record.sub,)
        leaf = await self._core.snapshot.delegation(record.grant_id) if record.grant_id else None
        rows = [await self._core.snapshot.delegation(g) for g in leaf.path] if leaf else []
        return tuple(row.agent_id for row in reversed(rows) if row is not None)


async def own_resource(core: Core, caller: Client) -> Resource | Refused:
    """Return the resource whose server `caller` is."""
    resource = await core.snapshot.resource(caller.resource_id) if caller.resource_id else None
    if resource is None:
        return Refused(
            error="access_denied",
            reason="no_resource",
            description="This client is not the server of a resource.",
            status=403,
        )
    return resource


def parse(body: Any) -> Question | Refused:
    """Check the shape of an evaluation request (AuthZEN 1.0 §6, our profile)."""
    try:
        subject, action = _record(body["subject"]), _record(body["action"])
        token = _text(subject["id"], 16_384)
        if subject.get("type", "access_token") != "access_token":
            return _malformed("subject.type")
        scopes = parse_scope(_text(action["name"]))
        properties = _record(action.get("properties", {}))
        principals = frozenset[str]()
        for word in _text(properties.get("principal", "delegated")).split(" "):
            principals |= _PRINCIPALS[word]
        context = _record(body.get("context", {}))
        question = Question(
            token=token,
            call=Call(
                scopes=scopes if isinstance(scopes, frozenset) else frozenset(),
                relation=_text(properties["relation"], 50) if "relation" in properties else None,
                objects=_objects(body),
                principals=principals,
            ),
            tool=_text(properties.get("tool", "-"), 128),
            request_id=_text(context["request_id"], 128) if "request_id" in context else None,
        )
    except (KeyError, TypeError, ValueError):
        return _malformed("body")
    # No scope would be no condition.
    return question if question.call.scopes else _malformed("action.name")


def _objects(body: Mapping[str, Any]) -> tuple[str, ...]:
    listed = body.get("resources", [])
    if type(listed) is not list:
        raise ValueError
    if "resource" in body:
        listed = [*listed, body["resource"]]
    if len(listed) > MAX_OBJECTS:
        raise ValueError
    return tuple(dict.fromkeys(_object(_record(each)) for each in listed))


def _object(named: Mapping[str, Any]) -> str:
    kind = _text(named["type"], 254)
    # The first colon ends the type: with another one it would be a different object.
    if ":" in kind:
        raise ValueError
    return f"{kind}:{_text(named['id'], 256)}"


def _record(value: object) -> Mapping[str, Any]:
    if type(value) is not dict:
        raise ValueError
    return value


def _text(value: object, longest: int = MAX_TEXT) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise ValueError
    return value


def _malformed(where: str) -> Refused:
    return invalid_request("malformed", f"The request is malformed ({where}).")


def _has_user(record: TokenRecord) -> bool:
    return record.kind is not TokenKind.AGENT_SELF


def _answer(
    record: TokenRecord | None,
    alive: Standing | None,
    decision: Decision,
    audit_id: str,
) -> Mapping[str, object]:
    context: dict[str, object] = {"evaluation_id": audit_id}
    if decision.denied is not None:
        reason = decision.denied.reason
        context["reason"] = reason.value
        context["action"] = advice(reason).value
    if alive is not None and record is not None:
        context["sub"] = record.sub
        context["client_id"] = record.client_id
        context["act"] = list(alive.chain) if record.kind is TokenKind.DELEGATED else []
        context["exp"] = record.expires_at // 1000
        if record.grant_id is not None:
            context["grant_id"] = record.grant_id
    if decision.objects:
        verdicts = []
        for name, denied in decision.objects:
            kind, _, object_id = name.partition(":")
            verdict: dict[str, object] = {
                "type": kind,
                "id": object_id,
                "decision": denied is None,
            }
            if denied is not None:
                verdict["reason"] = denied.reason.value
            verdicts.append(verdict)
        context["objects"] = verdicts
    return {"decision": decision.denied is None, "context": context}
