"""Tools for an agent, about its own authority."""

from typing import Annotated

from pydantic import Field

from mcp_tools.tools.answers import (
    Delegations,
    Explanation,
    Permission,
    Released,
    Ticket,
    Token,
    Whoami,
)
from mcp_tools.tools.arguments import (
    PLAIN,
    AgentId,
    Cursor,
    Ended,
    GrantId,
    Lifetime,
    Objects,
    Parts,
    ResourceUri,
    Scopes,
    caller,
    cut,
)
from mcp_tools.tools.build import MAKES, READS, TAKES, Tools
from mcp_tools.tools.desks import AgentDesk, Part, Wanted
from mcp_tools.tools.refusal import Refusal
from mcp_tools.tools.scopes import DELEGATE, EXCHANGE, SELF

EvaluationId = Annotated[
    str,
    Field(
        max_length=64,
        pattern=PLAIN,
        description="`evaluation_id` (`aud_…`) of a refused call or a check.",
    ),
]
Beside = Annotated[
    str | None,
    Field(
        max_length=64,
        pattern=PLAIN,
        description="A delegation beside yours, from `request_access`; none: your own.",
    ),
]
Relation = Annotated[
    str | None,
    Field(
        max_length=50,
        pattern=PLAIN,
        description="The relation that the call needs, such as `viewer`.",
    ),
]
Object = Annotated[
    str | None,
    Field(max_length=512, pattern=PLAIN, description="The object of the call, as `type:id`."),
]


def add_agent_tools(tools: Tools, desk: AgentDesk) -> None:
    """Register them."""
    _add_reading(tools, desk)
    _add_acting(tools, desk)


def _add_reading(tools: Tools, desk: AgentDesk) -> None:
    async def whoami() -> Whoami:
        return await desk.whoami(caller())

    async def list_my_delegations(ended: Ended = False, cursor: Cursor = None) -> Delegations:
        return await desk.delegations(caller(), ended=ended, cursor=cursor)

    async def check_permission(
        resource: ResourceUri,
        scopes: Scopes,
        relation: Relation = None,
        object: Object = None,
    ) -> Permission:
        if (relation is None) is not (object is None):
            raise Refusal("malformed", "relation and object come together")
        return await desk.check(
            caller(),
            Wanted(resource=resource, scopes=frozenset(scopes), relation=relation, object=object),
        )

    async def explain_denial(evaluation_id: EvaluationId) -> Explanation:
        return await desk.explain(caller(), evaluation_id)

    for fn in (whoami, list_my_delegations, check_permission, explain_denial):
        tools.add(fn, scope=SELF, principal="agent", hints=READS)


def _add_acting(tools: Tools, desk: AgentDesk) -> None:
    async def exchange_token(
        resource: ResourceUri, scopes: Scopes | None = None, grant_id: Beside = None
    ) -> Token:
        asked = None if scopes is None else frozenset(scopes)
        return await desk.exchange(caller(), resource, asked, grant_id)

    async def delegate_to(agent_id: AgentId, authority: Parts) -> Ticket:
        parts = tuple(
            Part(resource=p.resource, scopes=tuple(p.scopes), objects=tuple(p.objects))
            for p in authority
        )
        return await desk.hand_on(caller(), agent_id, parts)

    async def release(
        grant_id: GrantId,
        everything: Annotated[
            bool, Field(description="End the whole delegation, with all handed on from it.")
        ] = False,
        scopes: Scopes = [],  # noqa: B006 - never changed; pydantic copies it
        objects: Objects = [],  # noqa: B006
        expires_in: Lifetime = None,
    ) -> Released:
        parts = cut(scopes, objects, expires_in)
        if everything is not parts.empty:
            raise Refusal("malformed", "say `everything`, or name what to give back")
        return await desk.release(caller(), grant_id, None if everything else parts)

    tools.add(exchange_token, scope=EXCHANGE, principal="delegated", hints=MAKES)
    tools.add(delegate_to, scope=DELEGATE, principal="delegated", hints=MAKES)
    tools.add(release, scope=SELF, principal="agent", hints=TAKES)
