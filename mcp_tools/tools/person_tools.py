"""Tools for a person's own client, about what they allow their agents; and for administrators.

Only a person's own token is accepted, never one with an agent in it (EXCHANGE X10).
"""

from typing import Annotated

from pydantic import Field

from mcp_tools.tools.answers import Approvals, Delegations, Denied, Events, Released
from mcp_tools.tools.arguments import (
    PLAIN,
    Cursor,
    Ended,
    GrantId,
    Lifetime,
    Objects,
    Scopes,
    caller,
    cut,
)
from mcp_tools.tools.build import READS, TAKES, Tools
from mcp_tools.tools.desks import AdminDesk, PersonDesk
from mcp_tools.tools.refusal import Refusal
from mcp_tools.tools.scopes import ADMIN, AUDIT, DELEGATIONS, WITHDRAW

Id = Annotated[str, Field(max_length=64, pattern=PLAIN)]


def add_person_tools(tools: Tools, desk: PersonDesk) -> None:
    """Register the tools of a person."""

    async def list_delegations(ended: Ended = False, cursor: Cursor = None) -> Delegations:
        return await desk.delegations(caller(), ended=ended, cursor=cursor)

    async def list_activity(
        grant_id: Annotated[Id, Field(description="Of this delegation only (`dlg_…`).")] = "",
        cursor: Cursor = None,
    ) -> Events:
        return await desk.activity(caller(), grant_id=grant_id, cursor=cursor)

    async def narrow_delegation(
        grant_id: GrantId,
        scopes: Scopes = [],  # noqa: B006 - never changed; pydantic copies it
        objects: Objects = [],  # noqa: B006
        expires_in: Lifetime = None,
    ) -> Released:
        parts = cut(scopes, objects, expires_in)
        if parts.empty:
            raise Refusal("malformed", "name what to take away")
        return await desk.narrow(caller(), grant_id, parts)

    async def revoke_delegation(grant_id: GrantId) -> Released:
        return await desk.revoke(caller(), grant_id)

    async def list_approvals() -> Approvals:
        return await desk.approvals(caller())

    async def deny_approval(
        approval_id: Annotated[Id, Field(description="`approval_id` (`apv_…`) of the question.")],
    ) -> Denied:
        return await desk.deny(caller(), approval_id)

    tools.add(list_approvals, scope=DELEGATIONS, principal="person", hints=READS)
    tools.add(deny_approval, scope=WITHDRAW, principal="person", hints=TAKES)
    tools.add(list_delegations, scope=DELEGATIONS, principal="person", hints=READS)
    tools.add(list_activity, scope=DELEGATIONS, principal="person", hints=READS)
    tools.add(narrow_delegation, scope=WITHDRAW, principal="person", hints=TAKES)
    tools.add(revoke_delegation, scope=WITHDRAW, principal="person", hints=TAKES)


def add_admin_tools(tools: Tools, desk: AdminDesk) -> None:
    """Register the tools of an administrator; whether the caller is one is read at each call."""

    async def search_delegations(
        text: Annotated[
            str,
            Field(
                max_length=256,
                pattern=PLAIN,
                description="An id, or part of a person's address, an agent's name or a resource.",
            ),
        ] = "",
        user_id: Annotated[Id, Field(description="Of this person (`usr_…`).")] = "",
        agent_id: Annotated[Id, Field(description="To this agent (`agt_…`).")] = "",
        ended: Ended = False,
        cursor: Cursor = None,
    ) -> Delegations:
        return await desk.delegations(
            caller(), text=text, user_id=user_id, agent_id=agent_id, ended=ended, cursor=cursor
        )

    async def search_audit(
        user_id: Annotated[Id, Field(description="About this person (`usr_…`).")] = "",
        agent_id: Annotated[Id, Field(description="With this agent in the chain.")] = "",
        grant_id: Annotated[Id, Field(description="Under this delegation (`dlg_…`).")] = "",
        cursor: Cursor = None,
    ) -> Events:
        return await desk.audit(
            caller(), user_id=user_id, agent_id=agent_id, grant_id=grant_id, cursor=cursor
        )

    async def revoke_any_delegation(
        grant_id: GrantId,
        why: Annotated[
            str,
            Field(
                min_length=1,
                max_length=300,
                pattern=PLAIN,
                description="Why, for the audit trail.",
            ),
        ],
    ) -> Released:
        return await desk.revoke(caller(), grant_id, why)

    tools.add(search_delegations, scope=AUDIT, principal="person", hints=READS)
    tools.add(search_audit, scope=AUDIT, principal="person", hints=READS)
    tools.add(revoke_any_delegation, scope=ADMIN, principal="person", hints=TAKES)
