"""What a self-registered client may ask people for, and the ceiling of the agent it becomes."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from server.domain.core import Core
from server.domain.registry import Agent, Client, Resource
from server.domain.unit import Unit

KEPT: Final = ("authz:",)
"""How scopes begin that only clients get which an administrator registered."""


def askable(resources: Iterable[Resource], declared: frozenset[str] | None) -> frozenset[str]:
    """Return the scopes of every resource, or those of them that the client declared.

    A person decides about each; this only bounds what they can be asked.
    """
    every = frozenset(
        scope.name
        for resource in resources
        for scope in resource.scopes.values()
        # An agent stands for such a client, and holds nothing that is people's own.
        if not scope.name.startswith(KEPT) and not scope.person_only
    )
    return every if declared is None else every & declared


def grown(core: Core, tx: Unit, client: Client, scopes: frozenset[str]) -> Agent | None:
    """Return the client's provisional agent with a ceiling that keeps up, or none to leave it.

    A ceiling that an administrator has set, or an agent that got an owner, is left alone.
    """
    agent = core.rows.agents.held(tx, client.agent_id) if client.agent_id is not None else None
    if agent is None or not agent.provisional or agent.ceiling.object_roots:
        return None
    if agent.ceiling.scopes != client.scopes or scopes == client.scopes:
        return None
    now = frozenset(
        resource.id
        for resource in core.rows.resources.all(tx)
        if not scopes.isdisjoint(resource.scopes)
    )
    return replace(agent, ceiling=replace(agent.ceiling, scopes=scopes, resources=now))
