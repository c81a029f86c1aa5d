"""RFC 8707, RFC 9396 and RFC 6749 §3.3: for whom, where and what an authorization request asks.

Three cases (EXCHANGE X1, X6). A client of an agent asks for its own agent. A plain client that
names an agent's URI asks the user for a delegation to that agent. A plain client that names
resources asks for itself, and will be stood for by a provisional agent unless it is first-party.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from server.domain.delegation import Detail
from server.domain.refusal import Refused, invalid_request, invalid_scope, invalid_target
from server.domain.registry import Agent, GrantType, Resource, Status, agent_uri
from server.domain.resource_uri import registered_form
from server.protocol.authorization_details import (
    AskedDetails,
    invalid_details,
    parse_authorization_details,
)
from server.protocol.authorize_draft import Draft
from server.protocol.scopes import OIDC_SCOPES, parse_scope

MAX_RESOURCES: Final = 10
_OBJECT: Final = re.compile(r"([^\s:#@*]+):[^\s#@*]+")


def resources_are_known(d: Draft) -> Refused | None:
    """RFC 8707 §2: a registered resource, or the URI of an agent."""
    named = d.sent.every("resource")
    if len(named) > MAX_RESOURCES:
        return invalid_request("too_many_resources", "Too many resources are named.")
    known = d.known.resources
    d.resources = tuple(dict.fromkeys(registered_form(uri, known) for uri in named))
    agents = [agent for uri in d.resources if (agent := _agent_at(d, uri)) is not None]
    plain = d.agent is None
    if len(agents) + len(_servers(d)) != len(d.resources):
        return invalid_target("unknown_resource", "A resource is not known here.")
    if any(agent.status is not Status.ACTIVE for agent in agents):
        return invalid_target("agent_suspended", "A resource is not known here.")
    if not plain and any(agent != d.agent for agent in agents):
        # X4: an agent reaches another one by handing on, not through the front door.
        return invalid_target("foreign_agent", "An agent's client names its own agent only.")
    if plain and agents:
        if len(d.resources) > 1:
            return invalid_target("agent_and_others", "An agent's URI is the only resource.")
        d.agent = agents[0]
    return None


def details_are_understood(d: Draft) -> Refused | None:
    """RFC 9396 §5: each resource, scope, object type and agent that is named exists."""
    text = d.sent.get("authorization_details")
    if text is None:
        return None
    asked = parse_authorization_details(text)
    if isinstance(asked, Refused):
        return asked
    details = tuple(
        replace(x, resource=registered_form(x.resource, d.known.resources)) for x in asked.details
    )
    for detail in details:
        resource = d.known.resources.get(detail.resource)
        if resource is None or (_servers(d) and detail.resource not in d.resources):
            return invalid_details("resource", "A resource is not known, or not asked for.")
        if not detail.scopes <= resource.scopes.keys():
            return invalid_details("scopes", "A scope does not belong to its resource.")
        for name in detail.objects:
            if _OBJECT.fullmatch(name) is None or not resource.owns(name):
                return invalid_details("objects", "An object does not belong to its resource.")
    d.details = details
    return _hand_overs(d, asked)


def scopes_belong_to_one_resource(d: Draft) -> Refused | None:
    """X6: each scope is OpenID Connect's, or belongs to exactly one of the resources asked for."""
    asked = parse_scope(d.sent.get("scope")) or frozenset()
    if isinstance(asked, Refused):
        return asked
    loose: dict[str, frozenset[str]] = {}
    for scope in sorted(asked - OIDC_SCOPES):
        owners = _owners(d, scope)
        if len(owners) != 1:
            return invalid_scope("scope_unknown", "A scope is unknown, or its resource unclear.")
        owner = owners[0].id
        if not any(x.resource == owner and scope in x.scopes for x in d.details):
            loose[owner] = loose.get(owner, frozenset()) | {scope}
    if not loose and not d.details:
        # X6: without a scope it is the default of the resource, within what the client may hold.
        loose = {r.id: r.default_scopes & _own_scopes(d, r) for r in _servers(d)}
    d.details += tuple(Detail(resource=r, scopes=s) for r, s in loose.items())
    present = {x.resource for x in d.details}
    d.details += tuple(
        Detail(resource=r.id, scopes=frozenset()) for r in _servers(d) if r.id not in present
    )
    d.scopes = asked & OIDC_SCOPES
    if d.client is not None and GrantType.REFRESH_TOKEN not in d.client.grant_types:
        d.scopes -= {"offline_access"}  # OIDC Core §11: ignored, since it could not be used
    return None


def scopes_are_the_clients(d: Draft) -> Refused | None:
    """A client never asks for more than it is registered for; for another agent it asks freely."""
    if d.client is None or (d.agent is not None and d.client.agent_id != d.agent.id):
        return None
    held = d.client.scopes
    if any(not x.scopes <= d.known.resources[x.resource].closed(held) for x in d.details):
        return invalid_scope("scope_not_registered", "The client may not ask for such a scope.")
    if d.details and not d.resources and d.agent is None and d.client.first_party:
        return invalid_target("resource_missing", "Name the resource.")
    return None


def request_is_within_the_ceiling(d: Draft) -> Refused | None:
    """X6: nobody is asked to give an agent what it may never hold."""
    if d.agent is None:
        return None
    ceiling = d.agent.ceiling
    if any(detail.resource not in ceiling.resources for detail in d.details):
        return invalid_target("ceiling_resource", "The agent may not use such a resource.")
    asked = any(detail.scopes for detail in d.details)
    # RFC 6749 §3.3: what is too much is left out, and the answer tells what remains.
    known = d.known.resources
    d.details = tuple(
        replace(x, scopes=x.scopes & known[x.resource].closed(ceiling.scopes)) for x in d.details
    )
    d.details = tuple(x for x in d.details if x.scopes or x.resource in d.resources)
    if asked and not any(detail.scopes for detail in d.details):
        return invalid_scope("ceiling_scope", "The agent may hold none of these scopes.")
    return None


def something_is_asked(d: Draft) -> Refused | None:
    """A delegation to another agent, or a plain client's request, that asks for nothing."""
    own = d.agent is not None and d.client is not None and d.client.agent_id == d.agent.id
    if own or d.details or (d.agent is None and "openid" in d.scopes):
        return None
    return invalid_scope("nothing_asked", "The request asks for nothing.")


TARGET_CHECKS: Final[tuple[Callable[[Draft], Refused | None], ...]] = (
    resources_are_known,
    details_are_understood,
    scopes_belong_to_one_resource,
    scopes_are_the_clients,
    request_is_within_the_ceiling,
    something_is_asked,
)


def agent_id_of(issuer: str, uri: str) -> str | None:
    """Return the agent that a URI would name, or none if it is no agent's."""
    prefix = agent_uri(issuer, "")
    name = uri.removeprefix(prefix)
    return name if uri.startswith(prefix) and name else None


def _agent_at(d: Draft, uri: str) -> Agent | None:
    agent_id = agent_id_of(d.known.policy.issuer, uri)
    return d.known.agents.get(agent_id) if agent_id is not None else None


def _servers(d: Draft) -> list[Resource]:
    """Return the resource servers among the named resources."""
    return [d.known.resources[uri] for uri in d.resources if uri in d.known.resources]


def _owners(d: Draft, scope: str) -> list[Resource]:
    """Return whose scope it is: of a resource that is asked for, or else of any."""
    wanted = {r.id for r in _servers(d)} | {detail.resource for detail in d.details}
    every = list(d.known.resources.values())
    near = [r for r in every if r.id in wanted and scope in r.scopes]
    if near or _servers(d):
        return near
    return [r for r in every if scope in r.scopes]


def _own_scopes(d: Draft, resource: Resource) -> frozenset[str]:
    client = d.client
    held = client.scopes if client is not None else frozenset[str]()
    return resource.closed(held) & frozenset(resource.scopes)


def _hand_overs(d: Draft, asked: AskedDetails) -> Refused | None:
    """X4: further agents are named by id; each exists and is not the delegate itself."""
    for agent_id in asked.agents:
        agent = d.known.agents.get(agent_id)
        if agent is None or agent.status is not Status.ACTIVE or agent == d.agent:
            return invalid_details("agents", "An agent is not known here.")
    d.hand_overs = asked.agents
    d.max_depth = min(asked.max_depth, d.known.policy.max_depth - 1)
    return None
