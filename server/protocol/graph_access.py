"""Who may use the OpenFGA API inside the server: an agent as itself, by a token for it (X10)."""

from typing import Final

from authz.decision import Denied
from server.delegation.standing import Standing, standing
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.protocol.bearer import SentToken, bad_token, sent_token, use_proof
from server.protocol.dpop import Proofs
from server.protocol.graph_changes import GraphDatabase
from server.protocol.presented import Presented, TokenReader
from server.protocol.scopes import under_ceilings, words

_FOR_SOMEBODY: Final = frozenset({"act", "may_act", "grant_id"})


async def graph_caller(
    core: Core, reader: TokenReader, proofs: Proofs, sent: SentToken, scope: str
) -> GraphDatabase | Refused:
    """Return the graph as the holder of a live token with `scope` may use it, now and when asked.

    What a person or an agent for a person holds is refused whatever its scope: decisions are made
    from the graph, so nobody who is decided about edits it. The scope must still be within the
    client and the agent's ceiling, not only within the token. Raises `UnavailableError`.
    """
    revision = await core.snapshot.refresh()
    admitted = await sent_token(core, reader, proofs, sent)
    if isinstance(admitted, Refused):
        return admitted
    alive = await _alive(core, admitted.presented, scope)
    if isinstance(alive, Refused):
        return alive
    if (replayed := await use_proof(core, admitted.proof)) is not None:
        return replayed

    async def still() -> bool:
        await core.snapshot.refresh()
        presented = await reader.read(admitted.token, admitted.jkt)
        return not isinstance(presented, Denied) and not isinstance(
            await _alive(core, presented, scope), Refused
        )

    return GraphDatabase(core, alive, revision, still)


async def _alive(core: Core, presented: Presented, scope: str) -> Standing | Refused:
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
