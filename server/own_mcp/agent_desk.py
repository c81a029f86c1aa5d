"""The agent tools' desk: every answer is about the caller's own authority, and cannot widen it."""

import json
from typing import Final

from authz.decision import Denied, Reason
from authz.tx import Tx
from mcp_tools.decision import SENTENCES
from mcp_tools.tools.answers import (
    Action,
    AgentName,
    Authority,
    Delegation,
    Delegations,
    Explanation,
    Permission,
    Released,
    Ticket,
    Token,
    Whoami,
)
from mcp_tools.tools.desks import Cut, Part, Wanted
from mcp_tools.tools.refusal import NEXT, Refusal
from mcp_tools.tools.scopes import DELEGATE, EXCHANGE
from server.domain.audit import Outcome
from server.domain.delegation import DelegationQuery, State
from server.domain.refusal import Refused
from server.domain.registry import agent_uri
from server.domain.tokens import TokenKind
from server.own_mcp.asking import (
    PAGE,
    action_of,
    asking,
    failing_closed,
    read_cursor,
    unknown_delegation,
)
from server.own_mcp.describing import described, moment, page_of
from server.own_mcp.shrinking import given_up, remaining
from server.protocol.grants.held_token import HeldForm, HeldTokenExchange
from server.services import Services
from server.services.foresight import OBJECT_REASONS, foresee, recorded
from server.services.release import release
from server.services.review import listed
from server.services.withdraw import NotYours, Revoked

_KINDS: Final = (TokenKind.DELEGATED, TokenKind.AGENT_SELF)
_OBJECT_DENIED: Final = "there is no such object, or it is outside what was granted"


class Agents:
    """Implements `mcp_tools.tools.desks.AgentDesk`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._core = services.core

    @failing_closed
    async def whoami(self, jti: str) -> Whoami:
        alive = await asking(self._core, jti, *_KINDS)
        delegated = alive.record.kind is TokenKind.DELEGATED
        current = await self._described(alive.path[-1].id) if delegated else None
        return Whoami(
            kind="agent_for_user" if delegated else "agent",
            agent=AgentName(id=alive.agents[-1].id, name=alive.agents[-1].name),
            user_id=alive.user.id if alive.user is not None else None,
            chain=[AgentName(id=a.id, name=a.name) for a in reversed(alive.agents)],
            client_id=alive.client.id,
            scopes=sorted(alive.record.scope.split()),
            token_expires_at=moment(alive.record.expires_at),
            delegation=current,
            next_steps=_next_steps(current),
        )

    @failing_closed
    async def delegations(self, jti: str, *, ended: bool, cursor: str | None) -> Delegations:
        alive = await asking(self._core, jti, *_KINDS)
        query = DelegationQuery(
            # In a user's name, that user alone: what others allow is none of their business.
            user_id=alive.record.sub if alive.record.kind is TokenKind.DELEGATED else "",
            agent_id=alive.agents[-1].id,
            state=State.ENDED if ended else State.STANDING,
            before=read_cursor(cursor),
        )
        now = self._core.clock.now()

        def load(tx: Tx) -> Delegations:
            page = self._core.rows.delegations.page(tx, query, now=now, limit=PAGE)
            return page_of(listed(self._core, tx, page.rows, page.older))

        return await self._core.store.read(load)

    @failing_closed
    async def check(self, jti: str, wanted: Wanted) -> Permission:
        alive = await asking(self._core, jti, *_KINDS)
        if not wanted.scopes:
            raise Refusal("malformed", "name the scopes that the call needs")
        found = await foresee(
            self._core,
            alive,
            resource_id=wanted.resource,
            scopes=wanted.scopes,
            relation=wanted.relation,
            object=wanted.object,
        )
        if found.denied is None:
            return Permission(
                allowed=True, reason=None, action=None, message="this is allowed now",
                evaluation_id=found.audit_id,
            )  # fmt: skip
        reason, message, action = _told(found.denied)
        return Permission(
            allowed=False, reason=reason, action=action, message=f"{message}. {NEXT[action]}",
            evaluation_id=found.audit_id,
        )  # fmt: skip

    @failing_closed
    async def explain(self, jti: str, evaluation_id: str) -> Explanation:
        alive = await asking(self._core, jti, *_KINDS)
        entry = await recorded(self._core, alive, evaluation_id)
        if entry is None:
            raise Refusal("evaluation_unknown", "there is no such evaluation of a call of yours")
        record = entry.record
        refused = record.outcome is Outcome.REFUSED
        reason: str | None = None
        message, action = "it was allowed", None
        if refused and record.reason in {known.value for known in Reason}:
            reason, message, action = _told(Denied(Reason(record.reason)))
        elif refused:
            reason, message, action = record.reason, "it was refused", "stop"
        return Explanation(
            evaluation_id=entry.id,
            refused=refused,
            reason=reason,
            action=action,
            message=message if action is None else f"{message}. {NEXT[action]}",
            resource=record.resource,
            scopes=sorted(record.detail.get("scope", "").split()),
            at=moment(record.at),
        )

    @failing_closed
    async def exchange(
        self, jti: str, resource: str, scopes: frozenset[str] | None, grant_id: str | None
    ) -> Token:
        form = {"resource": resource}
        if grant_id is not None:
            form["grant_id"] = grant_id
        if scopes is not None:
            form["scope"] = " ".join(sorted(scopes))
        answer = await self._mint(jti, EXCHANGE, form)
        return Token(
            access_token=str(answer["access_token"]),
            token_type=str(answer["token_type"]),
            expires_in=int(str(answer["expires_in"])),
            resource=resource,
            scopes=str(answer["scope"]).split(),
            grant_id=str(answer["grant_id"]),
        )

    @failing_closed
    async def hand_on(self, jti: str, agent_id: str, parts: tuple[Part, ...]) -> Ticket:
        details = [
            {
                "type": "mandate",
                "resource": p.resource,
                "scopes": list(p.scopes),
                **({"objects": list(p.objects)} if p.objects else {}),
            }
            for p in parts
        ]
        form = {
            "resource": agent_uri(self._core.policy.issuer, agent_id),
            "authorization_details": json.dumps(details),
        }
        answer = await self._mint(jti, DELEGATE, form)
        current = await self._described(str(answer["grant_id"]))
        kept: list[Authority] = [] if current is None else current.authority
        return Ticket(
            ticket=str(answer["access_token"]),
            expires_in=int(str(answer["expires_in"])),
            agent_id=agent_id,
            grant_id=str(answer["grant_id"]),
            authority=kept,
        )

    @failing_closed
    async def release(self, jti: str, grant_id: str, cut: Cut | None) -> Released:
        alive = await asking(self._core, jti, *_KINDS)
        gone = None if cut is None else given_up(self._core, cut)
        done = await release(self._core, alive, grant_id, gone)
        if isinstance(done, NotYours):
            unknown_delegation()
        closed = done.closed if isinstance(done, Revoked) else 0
        return Released(
            grant_id=grant_id, closed=closed, remains=await remaining(self._core, grant_id)
        )

    async def _mint(self, jti: str, right: str, form: dict[str, str]) -> dict[str, object]:
        """Exchange the caller's token by the one path that mints; raises `Refusal`."""
        alive = await asking(self._core, jti, TokenKind.DELEGATED)
        grant = HeldTokenExchange(jti, right)
        answer = await self._services.token.answer_holder(grant, HeldForm(form), alive.client.id)
        if isinstance(answer, Refused):
            raise Refusal(answer.reason, answer.description, answer.advice.value)
        return dict(answer)

    async def _described(self, grant_id: str) -> Delegation | None:
        def load(tx: Tx) -> Delegation | None:
            row = self._core.rows.delegations.get(tx, grant_id)
            if row is None:
                return None
            found = listed(self._core, tx, [row])
            return described(row, found.names, found.conditions[row.id])

        return await self._core.store.read(load)


def _told(denied: Denied) -> tuple[str, str, Action]:
    """Say why to an agent, and what helps: one answer for all about an object (X11)."""
    if denied.reason in OBJECT_REASONS:
        return "object_denied", _OBJECT_DENIED, "consent"
    reason = denied.reason.value
    return reason, SENTENCES.get(reason, "it is refused"), action_of(denied)


def _next_steps(current: Delegation | None) -> list[str]:
    if current is None:
        return [
            "You act as yourself. To act for a user, get a token of theirs by their consent.",
            "`list_my_delegations` shows who allows you what.",
        ]
    return [
        "Before a call, `check_permission` tells whether it would be allowed.",
        "After a refusal, `explain_denial` tells what helps.",
        f"When the work is done, `release` {current.grant_id}.",
    ]
