"""POST /access/v1/evaluation and evaluations: what a resource server asks online (DESIGN 3.10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from authz.decision import Denied, Reason, advice
from server.delegation.decision import Decision, decide_call
from server.delegation.standing import Standing, standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.registry import Client, Resource
from server.domain.tokens import TokenKind, TokenRecord
from server.domain.unit import StaleSnapshotError, Unit
from server.protocol.approved_call import Settled, asked_of, settle
from server.protocol.presented import TokenReader
from server.protocol.question import Question, parse, parse_batch

RERUNS: Final = 3
"""Decisions on a call with an approval, if what they rest on changes under way."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """A question with its decision, and what the token proved of itself."""

    question: Question
    decision: Decision
    record: TokenRecord | None = None
    alive: Standing | None = None
    approval: Mapping[str, object] | None = None
    approval_id: str = ""


class Evaluation:
    """Answers a resource server about tokens that name it as audience."""

    def __init__(self, core: Core, reader: TokenReader) -> None:
        """Read presented tokens with `reader`."""
        self._core = core
        self._reader = reader

    async def answer(self, caller: Client, body: Any) -> Mapping[str, object] | Refused:
        """Decide, write the decision down, then answer; raises `UnavailableError` (503)."""
        question = parse(body)
        if isinstance(question, Refused):
            return question
        for _ in range(RERUNS):
            revision = await self._core.snapshot.refresh()
            resource = await own_resource(self._core, caller)
            if isinstance(resource, Refused):
                return resource
            decided = await self._decide(resource, question)
            if question.approval is None or decided.decision.denied is not None:
                (audit_id,) = await self._audit(resource, [decided])
                return _answer(decided, audit_id)
            try:
                return _answer(*await self._approved(resource, decided, revision))
            except StaleSnapshotError:
                continue
        raise StaleSnapshotError

    async def answers(self, caller: Client, body: Any) -> Mapping[str, object] | Refused:
        """Decide several questions in their order, as AuthZEN 1.0 §7 says; raises as `answer`.

        Each decision is its own row of the audit, all in one unit.
        """
        batch = parse_batch(body)
        if isinstance(batch, Refused):
            return batch
        if batch is None:
            return await self.answer(caller, body)
        await self._core.snapshot.refresh()
        resource = await own_resource(self._core, caller)
        if isinstance(resource, Refused):
            return resource
        outcomes: list[_Decided | Refused] = []
        for question in batch.questions:
            if isinstance(question, Refused):
                outcomes.append(question)
                allowed = False  # what cannot be asked is a denial (§7.2.1)
            else:
                decision = _without_yes(await self._decide(resource, question))
                outcomes.append(decision)
                allowed = decision.decision.denied is None
            if allowed is batch.stops_at:
                break
        decided = [outcome for outcome in outcomes if isinstance(outcome, _Decided)]
        audit_ids = iter(await self._audit(resource, decided) if decided else ())
        return {
            "evaluations": [
                _answer(outcome, next(audit_ids))
                if isinstance(outcome, _Decided)
                else _not_asked(outcome)
                for outcome in outcomes
            ]
        }

    async def _decide(self, resource: Resource, question: Question) -> _Decided:
        record, alive = await presented_at(
            self._core, self._reader, resource, question.token, question.jkt
        )
        if isinstance(alive, Denied):
            return _Decided(question, Decision(alive), record)
        decision = await decide_call(self._core, alive, resource, question.call)
        return _Decided(question, decision, alive.record, alive)

    async def _approved(
        self, resource: Resource, decided: _Decided, revision: int
    ) -> tuple[_Decided, str]:
        """Let a call that is allowed but for a person's yes through once, if the yes is there.

        Raises `StaleSnapshotError` if something that the decision believed has changed: what was
        revoked before the yes is used is not revoked after the call.
        """
        core, alive = self._core, decided.alive
        if alive is None:
            raise AssertionError("an allowed call has a live token")
        asked = asked_of(decided.question, resource, alive)
        if isinstance(asked, Denied):
            refused = replace(decided, decision=replace(decided.decision, denied=asked))
            (audit_id,) = await self._audit(resource, [refused])
            return refused, audit_id
        now, new_id = core.clock.now(), core.entropy.id("apv")
        event = await self._event(resource, decided)

        def unit(tx: Unit) -> tuple[_Decided, str]:
            tx.guard(revision, alive.depends)
            settled = settle(core, tx, asked, alive=alive, new_id=new_id, now=now)
            after = _settled(decided, settled)
            return after, core.rows.audit.record(tx, _event_of(event, after))

        return await core.store.write(unit)

    async def _audit(self, resource: Resource, decided: Sequence[_Decided]) -> list[str]:
        """Write the decisions down in one unit and return the ids of their rows."""
        core = self._core
        events = [await self._event(resource, each) for each in decided]
        return await core.store.write(
            lambda tx: [core.rows.audit.record(tx, event) for event in events]
        )

    async def _event(self, resource: Resource, decided: _Decided) -> AuditRecord:
        question, record = decided.question, decided.record
        event = AuditRecord(
            tag=AuditTag.DECISION,
            outcome=Outcome.DONE,
            at=self._core.clock.now(),
            user_id=user_of(record),
            agents=await agents_of(self._core, record, decided.alive),
            client_id=record.client_id if record is not None else None,
            grant_id=record.grant_id if record is not None else None,
            resource=resource.id,
            object=" ".join(question.call.objects) or None,
            request_id=question.request_id,
            detail={
                "tool": question.tool,
                "scope": " ".join(sorted(question.call.scopes)),
                "relation": question.call.relation or "",
                "jti": record.jti if record is not None else "",
            },
        )
        return _event_of(event, decided)


def _event_of(event: AuditRecord, decided: _Decided) -> AuditRecord:
    """Complete the record of a decision with how it ended."""
    denied = decided.decision.denied
    detail = {"detail": denied.detail if denied is not None else ""}
    if decided.approval_id:
        detail["approval"] = decided.approval_id
    return replace(
        event,
        outcome=Outcome.DONE if denied is None else Outcome.REFUSED,
        reason=None if denied is None else denied.reason.value,
        detail={**event.detail, **detail},
    )


def _settled(decided: _Decided, settled: Settled) -> _Decided:
    return replace(
        decided,
        decision=replace(decided.decision, denied=settled.denied),
        approval=settled.told,
        approval_id=settled.approval_id,
    )


def _without_yes(decided: _Decided) -> _Decided:
    """Turn down a call that needs a yes: where several are asked about, none is used or asked for.

    So a look ahead bothers nobody, and takes no yes from the call that it was given for.
    """
    if decided.question.approval is None or decided.decision.denied is not None:
        return decided
    denied = Denied(Reason.APPROVAL_REQUIRED, "dry")
    return replace(decided, decision=replace(decided.decision, denied=denied))


async def presented_at(
    core: Core, reader: TokenReader, resource: Resource, token: str, jkt: str | None
) -> tuple[TokenRecord | None, Standing | Denied]:
    """Return what a token rests on that a server of `resource` was sent, and its record.

    `jkt` is the key whose proof that server has checked. It is asked for, so that a server that
    knows nothing of bound tokens cannot take one from whoever has its bytes.
    There is no record of a token for somebody else: neither who, nor whether it lives.
    """
    presented = await reader.read_unproven(token)
    if isinstance(presented, Denied):
        return None, presented
    record = presented.record
    if record.audience != resource.id:
        return None, Denied(Reason.WRONG_AUDIENCE)
    if record.kind in (TokenKind.ID, TokenKind.HANDOVER):
        return record, Denied(Reason.WRONG_KIND)
    # Exactly: one who names a key for an unbound token has checked something else.
    if record.jkt != jkt:
        return record, Denied(Reason.PROOF_REQUIRED)
    return record, await standing(core, record, core.clock.now())


async def agents_of(
    core: Core, record: TokenRecord | None, alive: Standing | None
) -> tuple[str, ...]:
    """Name every agent of the path, also of one that is dead by now."""
    if alive is not None:
        return alive.chain
    if record is None:
        return ()
    if record.kind is TokenKind.AGENT_SELF:
        return (record.sub,)
    leaf = await core.snapshot.delegation(record.grant_id) if record.grant_id else None
    rows = [await core.snapshot.delegation(g) for g in leaf.path] if leaf else []
    return tuple(row.agent_id for row in reversed(rows) if row is not None)


def user_of(record: TokenRecord | None) -> str | None:
    """Return the person whom a token is about, if it is about one."""
    return None if record is None or record.kind is TokenKind.AGENT_SELF else record.sub


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


def _not_asked(refused: Refused) -> Mapping[str, object]:
    """Answer one malformed question among others (AuthZEN 1.0 §7.2.1): no, and why."""
    error = {"status": refused.status, "message": refused.description}
    return {"decision": False, "context": {"reason": refused.reason, "error": error}}


def _answer(decided: _Decided, audit_id: str) -> Mapping[str, object]:
    record, alive, decision = decided.record, decided.alive, decided.decision
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
    if decided.approval is not None:
        context["approval"] = decided.approval
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
