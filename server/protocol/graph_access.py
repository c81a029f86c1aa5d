"""Who may use the OpenFGA API inside the server: an agent as itself, by a token for it (X10)."""

from typing import Final

from authz.decision import Denied
from server.delegation.standing import Standing, standing
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.protocol.bearer import bad_token
from server.protocol.graph_changes import GraphDatabase
from server.protocol.presented import TokenReader
from server.protocol.scopes import under_ceilings, words

_FOR_SOMEBODY: Final = frozenset({"act", "may_act", "grant_id"})


async def graph_caller(
    core: Core, reader: TokenReader, token: str, scope: str
) -> GraphDatabase | Refused:
    """Return the graph as the holder of a live token with `scope` may use it, now and when asked.

    What a person or an agent for a person holds is refused whatever its scope: decisions are made
    from the graph, so nobody who is decided about edits it. The scope must still be within the
    client and the agent's ceiling, not only within the token. Raises `UnavailableError`.
    """
    revision = await core.snapshot.refresh()
    alive = await _admitted(core, reader, token, scope)
    if isinstance(alive, Refused):
        return alive

    async def still() -> bool:
        await core.snapshot.refresh()
        return not isinstance(await _admitted(core, reader, token, scope), Refused)

    return GraphDatabase(core, alive, revision, still)


async def _admitted(core: Core, reader: TokenReader, token: str, scope: str) -> Standing | Refused:
    presented = await reader.read(token)
    if isinstance(presented, Denied):
        return bad_token(presented.reason.value)
    record, uri = presented.record, core.policy.graph_resource
    if record.audience != uri:
        return bad_token("wrong_audience")
    if record.kind is not TokenKind.AGENT_SELF or _FOR_SOMEBODY & presented.claims.keys():
        return bad_token("delegated")
    alive = await standing(core, record, core.clock.now())
    if isinstance(alive, Denied):
        return bad_token(alive.reason.value)
    resource = await core.snapshot.resource(uri)
    if resource is None:
        return bad_token("unknown_resource")
    held = under_ceilings(
        words(record.scope) & resource.closed(alive.client.scopes), resource, alive.agents
    )
    if scope not in held:
        return Refused(
            error="insufficient_scope",
            reason="insufficient_scope",
            description="The token does not allow this call.",
            status=403,
        )
    return alive
