"""Rows of the server in the words of the tools' answers."""

from datetime import UTC, datetime, timedelta
from typing import Final

from mcp_tools.tools.answers import (
    AgentName,
    Approval,
    Approvals,
    Authority,
    Delegation,
    Delegations,
    Event,
    Events,
)
from server.domain.audit import AuditEntry, AuditPage
from server.domain.core import Core
from server.domain.delegation import Delegation as Row
from server.domain.delegation import Detail
from server.own_mcp.asking import cursor_text
from server.protocol.approved_call import approve_url
from server.protocol.scopes import under_ceilings
from server.services.approvals import Listed as AskedOf
from server.services.review import Condition, Listed, Names

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = 253_402_300_799_000
"""The last millisecond that a calendar date can be written for."""


def moment(at: int) -> str:
    """Write Unix milliseconds as RFC 3339."""
    when = _EPOCH + timedelta(milliseconds=min(max(at, 0), _LAST))
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def page_of(found: Listed) -> Delegations:
    """Describe a page of delegations."""
    return Delegations(
        delegations=[described(row, found.names, found.conditions[row.id]) for row in found.rows],
        next_cursor=cursor_text(found.older),
    )


def described(row: Row, names: Names, condition: Condition) -> Delegation:
    """Describe one delegation, its scopes cut to what its agent may ever hold."""
    return Delegation(
        grant_id=row.id,
        user_id=row.user_id,
        agent=agent_name(row.agent_id, names),
        parent_grant_id=row.parent_id,
        state=condition,
        purpose=row.purpose,
        authority=[part for d in row.details if (part := _part(row, d, names)) is not None],
        may_hand_on_to=[agent_name(agent_id, names) for agent_id in row.allow_agents],
        created_at=moment(row.created_at),
        expires_at=moment(row.expires_at),
    )


def _part(row: Row, detail: Detail, names: Names) -> Authority | None:
    resource, agent = names.resources.get(detail.resource), names.agents.get(row.agent_id)
    if resource is None or agent is None:
        return None
    scopes = under_ceilings(detail.scopes, resource, (agent,))
    if not scopes:
        return None
    return Authority(
        resource=resource.id,
        name=resource.name,
        scopes=sorted(scopes),
        objects=list(detail.objects),
    )


def agent_name(agent_id: str, names: Names) -> AgentName:
    """Name an agent."""
    found = names.agents.get(agent_id)
    return AgentName(id=agent_id, name=found.name if found is not None else agent_id)


def events_of(page: AuditPage) -> Events:
    """Describe a page of the audit trail."""
    return Events(
        events=[_event(entry) for entry in page.entries], next_cursor=cursor_text(page.older)
    )


def _event(entry: AuditEntry) -> Event:
    record = entry.record
    return Event(
        id=entry.id,
        at=moment(record.at),
        what=record.tag.value,
        outcome=record.outcome.value,
        reason=record.reason,
        user_id=record.user_id,
        agents=list(record.agents),
        client_id=record.client_id,
        grant_id=record.grant_id,
        resource=record.resource,
        object=record.object,
        detail=dict(record.detail),
    )


def approvals_of(core: Core, found: AskedOf) -> Approvals:
    """Describe what waits for a person."""
    return Approvals(
        approvals=[
            Approval(
                approval_id=row.id,
                kind=row.asked.kind.value,
                agent=AgentName(
                    id=row.asked.agent_id,
                    name=agent.name
                    if (agent := found.names.agents.get(row.asked.agent_id)) is not None
                    else row.asked.agent_id,
                ),
                summary=row.asked.summary,
                authority=[
                    Authority(
                        resource=detail.resource,
                        name=resource.name
                        if (resource := found.names.resources.get(detail.resource)) is not None
                        else detail.resource,
                        scopes=sorted(detail.scopes),
                        objects=list(detail.objects),
                    )
                    for detail in row.asked.details
                ],
                approve_url=approve_url(core, row),
                expires_at=moment(row.expires_at),
            )
            for row in found.rows
        ]
    )
