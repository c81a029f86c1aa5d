"""RFC 6749 §4.1.1: examines an authorization request; says where an error may go.

The endpoint is the list of its checks: `authorize_checks.CLIENT_CHECKS`, then `REQUEST_CHECKS`.
"""

from dataclasses import dataclass
from typing import Final

from authz.tx import Tx
from server.domain.core import Core
from server.domain.interactions import AuthorizationRequest
from server.domain.refusal import Refused
from server.domain.registry import Client
from server.protocol.authorization_details import AskedDetails, parse_authorization_details
from server.protocol.authorize_checks import CLIENT_CHECKS, MAX_TEXT, REQUEST_CHECKS
from server.protocol.authorize_draft import Draft, Known
from server.protocol.authorize_targets import MAX_RESOURCES, agent_id_of
from server.protocol.parameters import Parameters

REPEATABLE: Final = ("resource",)
"""The one parameter that may be sent more than once (RFC 8707 §2)."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A request that passed every check."""

    request: AuthorizationRequest
    client: Client


@dataclass(frozen=True, slots=True)
class Faulty:
    """A request that did not. Without a `redirect_uri` the error is shown on a page."""

    refused: Refused
    redirect_uri: str | None = None
    response_mode: str = "query"
    state: str | None = None


async def examine(
    core: Core, sent: Parameters, client_id: str | None, *, pushed: bool = False
) -> Examined | Faulty:
    """Run every check over the parameters; `pushed` says that the client was authenticated."""
    draft = await core.store.read(lambda tx: _draft(core, tx, sent, client_id))
    draft.pushed = pushed
    for check in CLIENT_CHECKS:
        refused = check(draft)
        if refused is not None:
            return Faulty(refused)
    for check in REQUEST_CHECKS:
        refused = check(draft)
        if refused is not None:
            return Faulty(refused, draft.redirect_uri, draft.response_mode, _state(sent))
    return _examined(draft)


def _draft(core: Core, tx: Tx, sent: Parameters, client_id: str | None) -> Draft:
    """Read what the checks compare with, in one consistent view."""
    client = core.rows.clients.get(tx, client_id) if client_id else None
    agents = {client.agent_id} if client is not None and client.agent_id is not None else set()
    for uri in sent.every("resource")[:MAX_RESOURCES]:
        named = agent_id_of(core.policy.issuer, uri)
        if named is not None:
            agents.add(named)
    asked = parse_authorization_details(sent.get("authorization_details") or "")
    if isinstance(asked, AskedDetails):
        agents.update(asked.agents)
    found = [core.rows.agents.get(tx, agent_id) for agent_id in sorted(agents)]
    known = Known(
        policy=core.policy,
        resources={resource.id: resource for resource in core.rows.resources.all(tx)},
        agents={agent.id: agent for agent in found if agent is not None},
    )
    return Draft(sent=sent, known=known, client=client)


def _state(sent: Parameters) -> str | None:
    """Return the state for an error; one that is too long to be sent back is left out."""
    state = sent.get("state")
    return state if state is not None and len(state) <= MAX_TEXT else None


def _examined(d: Draft) -> Examined:
    if d.client is None:
        raise AssertionError("the client checks passed without a client")
    # What a scope includes is asked for with it.
    scopes = d.scopes.union(
        *(d.known.resources[detail.resource].closed(detail.scopes) for detail in d.details)
    )
    request = AuthorizationRequest(
        client_id=d.client.id,
        redirect_uri=d.redirect_uri,
        redirect_uri_sent=d.redirect_uri_sent,
        response_mode=d.response_mode,
        state=d.texts.get("state"),
        scope=" ".join(sorted(scopes)),
        code_challenge=d.code_challenge,
        resources=d.resources,
        details=d.details,
        agent_id=d.agent.id if d.agent is not None else None,
        hand_overs=d.hand_overs,
        max_depth=d.max_depth,
        nonce=d.texts.get("nonce"),
        prompt=d.prompt,
        max_age=d.max_age,
        acr_values=d.acr_values,
        login_hint=d.texts.get("login_hint"),
    )
    return Examined(request, d.client)
