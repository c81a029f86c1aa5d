"""Which objects a person may pick: those that were asked for and that they hold now.

Asked of the graph before the transaction that stores a consent. What is taken away between the
two is no harm: a decision asks for the person's own right again (X11).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from authz.graph import Graph, holding
from authz.relations import CheckError, Query
from server.domain.registry import Agent
from server.identity.consent_offer import Offer, Section


@dataclass(frozen=True, slots=True)
class Held:
    """What may be picked in one section; `truncated` when there is more than listed."""

    names: tuple[str, ...] = ()
    truncated: bool = False


Holdings: TypeAlias = dict[int, Held]
"""By the number of the section; a section that is not in it holds nothing to pick."""


async def held_objects(graph: Graph, offer: Offer, user_id: str) -> Holdings:
    """Return what the person could pick in each section. Raises GraphUnavailable."""
    if not offer.delegates:
        return {}
    return {
        section.number: await _held(graph, section, user_id, offer.agent)
        for section in offer.sections
        if section.objects_matter
    }


async def may_pick(graph: Graph, offer: Offer, user_id: str, picked: Collection[str]) -> Holdings:
    """Return which of the picked objects the person may give. Raises GraphUnavailable."""
    found: Holdings = {}
    for section in offer.sections:
        names = section.names_of(picked)
        if names:
            allowed = await _allowed(graph, section, user_id, offer.agent, names)
            found[section.number] = Held(allowed)
    return found


async def _held(graph: Graph, section: Section, user_id: str, agent: Agent | None) -> Held:
    if section.objects:
        return Held(await _allowed(graph, section, user_id, agent, section.objects))
    found: dict[str, None] = {}
    truncated = False
    for pickable in section.resource.pickable:
        try:
            listing = await graph.list_objects(f"user:{user_id}", pickable.relation, pickable.type)
        except CheckError:  # what cannot be known is not offered
            continue
        # Tools of every resource have one type; what is not this one's is not offered.
        found |= dict.fromkeys(filter(section.resource.owns, listing.objects))
        truncated = truncated or listing.truncated
    return Held(await _below_ceiling(graph, agent, tuple(found)), truncated)


async def _allowed(
    graph: Graph, section: Section, user_id: str, agent: Agent | None, names: Collection[str]
) -> tuple[str, ...]:
    asked = [
        name
        for name in names
        if section.resource.owns(name) and (not section.objects or name in section.objects)
    ]
    queries = [
        Query(f"user:{user_id}", pickable.relation, name)
        for name in asked
        for pickable in section.resource.pickable
        if name.partition(":")[0] == pickable.type
    ]
    held = {query.object for query in await holding(graph, queries)}
    return await _below_ceiling(graph, agent, tuple(name for name in asked if name in held))


async def _below_ceiling(
    graph: Graph, agent: Agent | None, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Leave out what lies outside the object roots of the agent, if it has any (X11)."""
    if agent is None or not agent.ceiling.object_roots:
        return names
    queries = [Query(f"agent:{agent.id}", "ceiling", name) for name in names]
    inside = {query.object for query in await holding(graph, queries)}
    return tuple(name for name in names if name in inside)
