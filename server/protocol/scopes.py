"""Scope text and what is left of it (RFC 6749 §3.3, EXCHANGE X6)."""

import re

from server.delegation.standing import PathStanding, Standing
from server.domain.core import Core
from server.domain.refusal import Refused, invalid_scope
from server.domain.registry import Agent, Resource, agent_uri

_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
MAX_SCOPES = 64

OIDC_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
"""Scopes of the authorization server itself; they belong to no resource."""


def parse_scope(text: str | None) -> frozenset[str] | Refused | None:
    """Parse a scope parameter; none if it was omitted."""
    if text is None:
        return None
    names = text.split(" ")
    # RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), parted by single spaces.
    if len(names) > MAX_SCOPES or not all(_TOKEN.fullmatch(name) for name in names):
        return invalid_scope("malformed_scope", "The scope is malformed.")
    return frozenset(names)


def words(scope: str) -> frozenset[str]:
    """Split a scope text that we stored."""
    return frozenset(scope.split())


def under_ceilings(
    scopes: frozenset[str], resource: Resource, agents: tuple[Agent, ...]
) -> frozenset[str]:
    """Keep what every agent of the path may hold at `resource` (X6, X11)."""
    if any(resource.id not in agent.ceiling.resources for agent in agents):
        return frozenset()
    scopes &= frozenset(resource.scopes)
    for agent in agents:
        scopes &= resource.closed(agent.ceiling.scopes)
    return scopes


async def scope_in_force(core: Core, alive: Standing) -> frozenset[str]:
    """Return what of a live token's scope still holds, recomputed from its path (X9)."""
    scope = words(alive.record.scope)
    if not alive.path:
        return scope
    audience = alive.record.audience
    # A token for the agent itself carries scopes of every resource of its delegation.
    itself = audience == agent_uri(core.policy.issuer, alive.agents[-1].id)
    held: set[str] = set()
    for uri in alive.path[-1].resources if itself else {audience}:
        resource = await core.snapshot.resource(uri)
        if resource is not None:
            held |= under_ceilings(in_force(alive, uri), resource, alive.agents)
    return scope & held


def in_force(path: PathStanding | Standing, resource: str) -> frozenset[str]:
    """Return what every delegation of the path holds at `resource` now (X9)."""
    scopes = path.path[-1].scopes_at(resource)
    for row in path.path[:-1]:
        scopes &= row.reach(resource, path.path[-1].via)
    return scopes
