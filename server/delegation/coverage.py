"""X9: does one live delegation allow the whole of what is asked? Never a union of several."""

from server.domain.delegation import Delegation, Detail
from server.domain.interactions import AuthorizationRequest
from server.domain.people import Session
from server.domain.registry import Client


def wants_delegation(request: AuthorizationRequest, client: Client) -> bool:
    """Tell whether an agent will act: only sign-in and first-party tools do without (X1)."""
    if request.agent_id is not None or client.agent_id is not None:
        return True
    return bool(request.details) and not client.first_party


def delegate_of(request: AuthorizationRequest, client: Client) -> str | None:
    """Return the agent that a consent would be for; none if it does not exist yet."""
    return request.agent_id if request.agent_id is not None else client.agent_id


def contradicts(request: AuthorizationRequest, client: Client) -> bool:
    """Tell whether the client got an agent of its own since it asked for another one (X4)."""
    return None not in (request.agent_id, client.agent_id) and request.agent_id != client.agent_id


def covers(held: Delegation, request: AuthorizationRequest, session: Session, now: int) -> bool:
    """Tell whether `held`, given to this client, allows all that `request` asks (X9)."""
    # What extends another delegation is never found, only named.
    if not held.live(now) or len(held.path) > 1 or held.extends is not None:
        return False
    if held.user_id != session.user_id or held.client_id != request.client_id:
        return False
    if held.sid is not None and (
        held.sid != session.id or "offline_access" in request.scope.split()
    ):
        return False
    if not set(request.hand_overs) <= set(held.allow_agents) or request.max_depth > held.max_depth:
        return False
    return all(_detail_covered(held, asked) for asked in request.details)


def _detail_covered(held: Delegation, asked: Detail) -> bool:
    return any(
        detail.resource == asked.resource
        and asked.scopes <= detail.scopes
        and set(asked.objects) <= set(detail.objects)
        for detail in held.details
    )
