"""Token exchange, first half: who is the subject, who acts, under which delegation (X1-X5, X7)."""

from dataclasses import dataclass, replace

from authz.decision import Advice, Denied, Reason, advice
from server.delegation.standing import PathStanding, Standing, path_standing, standing
from server.domain.core import Core
from server.domain.delegation import Delegation
from server.domain.refusal import Refused, invalid_request
from server.domain.registry import Agent, agent_uri
from server.domain.tokens import TokenKind, TokenRecord
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.presented import Presented, stated_chain

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ID_TOKEN_AGE_MS = 5 * 60 * 1000

_DECLARED = {
    TokenKind.USER: ACCESS_TOKEN,
    TokenKind.DELEGATED: ACCESS_TOKEN,
    TokenKind.HANDOVER: ACCESS_TOKEN,
    TokenKind.AGENT_SELF: ACCESS_TOKEN,
    TokenKind.ID: ID_TOKEN,
    TokenKind.ID_JAG: "",  # good at other servers only
}
_SUBJECTS = {TokenKind.USER, TokenKind.DELEGATED, TokenKind.HANDOVER, TokenKind.ID}

UNACCEPTABLE = "The subject or actor token is not acceptable."


def unacceptable(reason: str, *, detail: str = "", help_by: Advice = Advice.STOP) -> Refused:
    """Refuse a subject or actor token with the same words for every cause (RFC 8693 §2.2.2)."""
    return replace(invalid_request(reason, UNACCEPTABLE, detail=detail), advice=help_by)


def consent_required(detail: str = "") -> Refused:
    """Answer that no one live delegation fits; a foreign `grant_id` reads the same (X5)."""
    return replace(
        invalid_request("consent_required", "The user has not consented to this.", detail=detail),
        advice=Advice.CONSENT,
    )


async def read_subject(context: GrantContext, request: TokenRequest) -> Standing | Refused:
    """Verify the subject token, its provenance, and that this client may present it."""
    presented = await _read(context, request, "subject_token")
    if isinstance(presented, Refused):
        return presented
    record = presented.record
    if record.kind not in _SUBJECTS:
        return unacceptable("wrong_kind", detail=record.kind.value)
    if request.now < record.expires_at:
        # Tokens that died long ago lie about: they must not fill a person's trail.
        request.concerns.user_id, request.concerns.grant_id = record.sub, record.grant_id
    if not _may_present(context.core, request, record):
        return unacceptable("not_presenter", detail=record.jti)
    alive = await standing(context.core, record, request.now)
    if isinstance(alive, Denied):
        return unacceptable(
            alive.reason.value,
            detail=alive.detail,
            help_by=advice(alive.reason),
        )
    # X4: a subject whose `act` differs from its path is denied. A handover has no `act` of its
    # own yet: its path ends with the agent that may act.
    chain = alive.chain if record.kind is TokenKind.DELEGATED else ()
    if stated_chain(presented.claims) != chain:
        return unacceptable(Reason.CHAIN_MISMATCH.value, detail=record.jti)
    if record.kind is TokenKind.ID and request.now - record.issued_at > ID_TOKEN_AGE_MS:
        return unacceptable("id_token_too_old")
    if record.kind is TokenKind.ID and record.sid is None:
        return unacceptable("id_token_without_session")
    return alive


async def read_actor(
    context: GrantContext, request: TokenRequest, agent: Agent
) -> Standing | Refused:
    """Verify the actor token: this agent as itself, from this very client, for us alone (X2)."""
    presented = await _read(context, request, "actor_token")
    if isinstance(presented, Refused):
        return presented
    record = presented.record
    ours = (
        record.kind is TokenKind.AGENT_SELF
        and record.sub == agent.id
        and record.client_id == request.client.id
        and record.audience == context.core.policy.issuer
        and record.grant_id is None
        and "act" not in presented.claims
    )
    if not ours:
        return unacceptable("actor_mismatch", detail=record.jti)
    alive = await standing(context.core, record, request.now)
    if isinstance(alive, Denied):
        return unacceptable(
            f"actor_{alive.reason.value}", detail=alive.detail, help_by=advice(alive.reason)
        )
    return alive


async def _read(context: GrantContext, request: TokenRequest, name: str) -> Presented | Refused:
    token = request.form.get(name)
    declared = request.form.get(f"{name}_type")
    # RFC 8693 §2.1: subject_token and its type are REQUIRED; a type only comes with its token.
    if not token or not declared:
        return invalid_request(f"{name}_missing", f"Send {name} and {name}_type.")
    if declared not in (ACCESS_TOKEN, ID_TOKEN):
        return invalid_request(f"{name}_type_unsupported", f"The {name}_type is not supported.")
    found = await context.reader.read(token)
    if isinstance(found, Denied):
        return unacceptable(found.reason.value, detail=found.detail)
    if _DECLARED[found.record.kind] != declared:
        return unacceptable("type_mismatch", detail=found.record.kind.value)
    return found


def _may_present(core: Core, request: TokenRequest, record: TokenRecord) -> bool:
    """X3: the client it was issued to, or a client of the agent that is its sole audience."""
    if record.kind is TokenKind.ID:
        return record.audience == request.client.id == record.client_id
    if record.kind is TokenKind.HANDOVER:
        return _is_audience(core, request, record)
    return record.client_id == request.client.id or _is_audience(core, request, record)


def _is_audience(core: Core, request: TokenRequest, record: TokenRecord) -> bool:
    agent = request.acting
    if agent is None:
        return False
    if record.audience == agent_uri(core.policy.issuer, agent.id):
        return True
    # X3, X6: a resource server that exchanges what it received is an agent as well.
    resource_id = request.client.resource_id
    return resource_id is not None and record.audience == resource_id


@dataclass(frozen=True, slots=True)
class Authority:
    """The delegation that an exchange rests on, with its live path."""

    path: PathStanding

    @property
    def row(self) -> Delegation:
        """Return the delegation itself."""
        return self.path.path[-1]


async def find_authority(
    context: GrantContext, request: TokenRequest, subject: Standing, agent: Agent, target: str
) -> Authority | Refused:
    """X5: the subject's own delegation, or the one live row of user and agent; never a union."""
    core, now = context.core, request.now
    asked = request.form.get("grant_id")
    record = subject.record
    if record.grant_id is not None:
        if asked is not None and asked != record.grant_id:
            return consent_required("grant_id differs from the token's")
        # Its own path, which `standing` found alive a moment ago.
        return Authority(PathStanding(subject.path, subject.agents, subject.depends))
    rows = await core.store.read(lambda tx: core.rows.delegations.of_pair(tx, record.sub, agent.id))
    fitting = [
        row
        for row in rows
        # Only what the user gave directly: a child's authority comes with its handover ticket.
        if len(row.path) == 1
        and row.live(now)
        and (target in row.resources or _hands_on(core, row, target))
        and (asked is None or row.id == asked)
    ]
    live = [await _live(core, row.id, record, now) for row in fitting]
    found_live = [found for found in live if isinstance(found, Authority)]
    if not found_live:
        return next((dead for dead in live if isinstance(dead, Refused)), consent_required())
    if len(found_live) > 1:
        return invalid_request(
            "grant_id_required", "Several delegations fit: send grant_id to choose one."
        )
    return found_live[0]


def _hands_on(core: Core, row: Delegation, target: str) -> bool:
    return any(agent_uri(core.policy.issuer, other) == target for other in row.allow_agents)


async def _live(core: Core, grant_id: str, record: TokenRecord, now: int) -> Authority | Refused:
    path = await path_standing(core, grant_id, now, issued_at=record.issued_at)
    if isinstance(path, Denied):
        return unacceptable(path.reason.value, detail=path.detail, help_by=advice(path.reason))
    return Authority(path)
