"""Agents as view-models: rows of lists, and the page of one for an administrator or its owner."""

from collections.abc import Mapping, Sequence

from server.domain.registry import Client, ClientAuth, agent_uri
from server.services.agents import AgentLine, AgentReview
from server.web.delegation_views import agent_badge, host_of, rows
from server.web.views.admin import (
    AdminAgentPage,
    AgentClient,
    AgentRow,
    CeilingRow,
)
from server.web.views.frame import Frame

_METHODS = {
    ClientAuth.BASIC: "with a secret (Basic)",
    ClientAuth.POST: "with a secret (form)",
    ClientAuth.PRIVATE_KEY_JWT: "with a private key",
    ClientAuth.NONE: "public, with PKCE",
}


def agent_rows(found: Sequence[AgentLine], path: str) -> tuple[AgentRow, ...]:
    """Return the rows of a list; `path` is before each id."""
    return tuple(
        AgentRow(
            agent=agent_badge(line.agent, line.agent.id, line.owner, f"{path}/{line.agent.id}"),
            purpose=line.agent.purpose,
            live=line.live,
            last_used_at=line.last_use,
        )
        for line in found
    )


def agent_page(
    review: AgentReview,
    frame: Frame,
    *,
    issuer: str,
    path: str,
    delegations: str,
    people: Mapping[str, str],
    urls: Mapping[str, str | None],
    owner_email: str = "",
    problem: str | None = None,
) -> AdminAgentPage:
    """Return the page of one agent. `urls`: what its reader may do, by the view-model's names."""
    agent = review.agent
    return AdminAgentPage(
        frame=frame,
        agent=agent_badge(agent, agent.id, review.owner),
        uri=agent_uri(issuer, agent.id),
        purpose=agent.purpose,
        created_at=agent.created_at,
        not_before=agent.not_before,
        ceiling=_ceiling(review),
        clients=tuple(_client(client) for client in review.clients),
        delegations=rows(review.delegations, delegations, people=dict(people)),
        metadata=tuple(
            (label, value)
            for label, value in (("Model", agent.model), ("Version", agent.version))
            if value
        ),
        back_url=path,
        owner_email=owner_email,
        problem=problem,
        **urls,
    )


def _client(client: Client) -> AgentClient:
    return AgentClient(
        client_id=client.id,
        name=client.name,
        method=_METHODS[client.auth],
        status="active" if client.status == "active" else "disabled",
    )


def _ceiling(review: AgentReview) -> tuple[CeilingRow, ...]:
    ceiling = review.agent.ceiling
    found = []
    for uri in sorted(ceiling.resources):
        resource = review.resources.get(uri)
        scopes = sorted(set(resource.scopes) & ceiling.scopes) if resource else []
        found.append(
            CeilingRow(
                service=resource.name if resource else host_of(uri),
                host=host_of(uri),
                scopes=tuple(
                    resource.scopes[s].description for s in scopes if resource is not None
                ),
                objects=tuple(review.labels.get(root, root) for root in ceiling.object_roots),
            )
        )
    return tuple(found)
