"""The OpenFGA API inside the server as a resource: its tokens are asked for by name (RFC 8707)."""

from typing import Final

from server.domain.core import Core
from server.domain.registry import Resource, Scope
from server.domain.unit import Unit
from server.services.resources import check_scopes

SCOPES: Final = (
    Scope(name="authz:read", description="Ask and read who holds what", agent_own=True,
          default=True),
    Scope(name="authz:write", description="Change who holds what", agent_own=True,
          destructive=True),
    Scope(name="authz:admin", description="List stores of relationships", agent_own=True,
          destructive=True),
)  # fmt: skip


def put_graph_resource(core: Core, tx: Unit) -> None:
    """Register the API where it is switched on; nothing changes if it is registered already.

    Raises `RegistrationError` if a resource has its scopes.
    """
    uri = core.policy.graph_resource
    if not core.policy.authz_api or core.rows.resources.get(tx, uri) is not None:
        return
    # Servers that start together take turns: one writes it, and the others find it then.
    core.relations.take_turn(tx)
    known = core.rows.resources.all(tx)
    if any(each.id == uri for each in known):
        return
    resource = Resource(
        id=uri,
        name="Relationships",
        scopes={scope.name: scope for scope in SCOPES},
        token_ttl=core.policy.access_token_ttl,
        created_at=core.clock.now(),
    )
    check_scopes(resource, known)
    core.rows.resources.add(tx, resource)
