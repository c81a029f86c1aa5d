"""Mandate's own MCP server as a resource: its tokens are asked for by name (RFC 8707)."""

from dataclasses import replace
from typing import Final

from mcp_tools.tools.scopes import SCOPES
from server.domain.core import Core
from server.domain.registry import Resource, Scope
from server.domain.unit import Unit
from server.services.registration import RegistrationError
from server.services.resources import check_scopes

_NAME: Final = "Mandate"
_SCOPES: Final = {
    scope.name: Scope(
        name=scope.name,
        description=scope.words,
        agent_own=scope.agent_own,
        default=scope.default,
        destructive=scope.destructive,
        person_only=scope.person,
    )
    for scope in SCOPES
}


def put_mcp_resource(core: Core, tx: Unit) -> None:
    """Register the server where it is switched on, or give it the scopes of this version.

    Nothing changes if it has them. Raises `RegistrationError` if another resource has one.
    """
    if not core.policy.mcp or _complete(core.rows.resources.get(tx, core.policy.mcp_resource)):
        return
    # Servers that start together take turns: one writes it, and the others find it then.
    core.relations.take_turn(tx)
    known = core.rows.resources.all(tx)
    found = next((each for each in known if each.id == core.policy.mcp_resource), None)
    if _complete(found):
        return
    known = [_without_ours(core, tx, each) for each in known if each.id != core.policy.mcp_resource]
    resource = found or Resource(
        id=core.policy.mcp_resource,
        name=_NAME,
        token_ttl=core.policy.access_token_ttl,
        created_at=core.clock.now(),
    )
    # What an operator changed of an older scope stays.
    resource = replace(resource, scopes={**_SCOPES, **resource.scopes})
    try:
        check_scopes(resource, known)
    except RegistrationError as error:
        message = f"{error}, and Mandate's own MCP server needs it (MANDATE_MCP=false: none)"
        raise RegistrationError(message) from None
    if found is None:
        core.rows.resources.add(tx, resource)
    else:
        core.rows.resources.update(tx, resource)


def _without_ours(core: Core, tx: Unit, other: Resource) -> Resource:
    """Take our scopes from the row of an issuer that this server had before; it is of no use now.

    Every token of that issuer is refused anyway; left there, its scopes would be nobody's.
    """
    earlier = other.name == _NAME and other.id.endswith("/mcp") and other.scopes
    if not earlier or not other.scopes.keys() <= _SCOPES.keys():
        return other
    left = replace(other, scopes={})
    core.rows.resources.update(tx, left)
    return left


def _complete(resource: Resource | None) -> bool:
    return resource is not None and _SCOPES.keys() <= resource.scopes.keys()
