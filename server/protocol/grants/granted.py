"""What a code or a refresh token yields: the same authority, recomputed each time (X9)."""

from dataclasses import dataclass

from authz.decision import Denied
from server.delegation.standing import path_standing, session_alive
from server.domain.core import Core
from server.domain.delegation import Detail
from server.domain.people import UserStatus
from server.domain.refusal import Refused, invalid_grant, invalid_scope, invalid_target
from server.domain.registry import Agent, Resource, agent_uri
from server.domain.resource_uri import registered_form
from server.domain.tokens import Granted, TokenKind
from server.domain.unit import ChangeKey
from server.protocol.grants.base import TokenRequest
from server.protocol.minting import IdToken
from server.protocol.scopes import OIDC_SCOPES, in_force, under_ceilings, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """The access token that a grant gives now, and the ID token beside it."""

    kind: TokenKind
    audience: str
    scope: frozenset[str]
    ttl: int
    alg: str
    chain: tuple[str, ...]
    details: tuple[Detail, ...]
    not_after: int | None
    id_token: IdToken | None
    depends: frozenset[ChangeKey]


async def yield_of(
    core: Core,
    request: TokenRequest,
    granted: Granted,
    wanted: frozenset[str] | None,
    *,
    issued_at: int,
) -> Yield | Refused:
    """Check user, session and delegation, then cut scope and audience to what is in force.

    `issued_at` is when the code or refresh token was made: an agent's `not_before` kills it too.
    """
    now = request.now
    depends: set[ChangeKey] = {("client", request.client.id), ("user", granted.user_id)}
    user = await core.snapshot.user(granted.user_id)
    if user is None or user.status is not UserStatus.ACTIVE:
        return _ended("user_disabled")
    if not granted.offline:
        depends.add(("session", granted.sid))
        if not await session_alive(core, granted.sid, now):
            return _ended("session_ended")
    allowed = words(granted.scope)
    if wanted is not None and not wanted <= allowed:
        # RFC 6749 §6: MUST NOT include any scope not originally granted.
        return invalid_scope("scope_exceeds_grant", "The scope exceeds what was granted.")
    asked = allowed if wanted is None else wanted
    audience = _audience(core, request, granted)
    if isinstance(audience, Refused):
        return audience
    id_token = None
    if "openid" in asked:
        session = await core.snapshot.session(granted.sid)
        id_token = IdToken(
            nonce=granted.nonce,
            auth_time=granted.auth_time,
            acr=granted.acr,
            amr=session.amr if session is not None else (),
        )
    if granted.grant_id is None:
        return await _plain(core, request, granted, audience, asked, id_token, frozenset(depends))
    found = await path_standing(core, granted.grant_id, now, issued_at=issued_at)
    if isinstance(found, Denied):
        return _ended(found.reason.value, found.detail)
    row = found.path[-1]
    delegated = request.acting is not None
    if delegated and request.acting is not None and row.agent_id != request.acting.id:
        return _ended("chain_mismatch", row.id)
    scope, details = await _held(core, audience, asked, request, found.agents, row.details)
    resource = await core.snapshot.resource(audience)
    if resource is not None:
        scope &= in_force(found, resource.id)
    return Yield(
        kind=TokenKind.DELEGATED if delegated else TokenKind.USER,
        audience=audience,
        scope=scope,
        ttl=core.policy.access_token_ttl if resource is None else resource.token_ttl,
        alg="ES256" if resource is None else resource.alg,
        chain=tuple(a.id for a in reversed(found.agents)) if delegated else (),
        details=details,
        not_after=min(step.expires_at for step in found.path),
        id_token=id_token,
        depends=frozenset(depends) | found.depends,
    )


async def _plain(
    core: Core,
    request: TokenRequest,
    granted: Granted,
    audience: str,
    asked: frozenset[str],
    id_token: IdToken | None,
    depends: frozenset[ChangeKey],
) -> Yield | Refused:
    """A sign-in of a person at a plain client: no agent, no delegation, kind `user`."""
    if request.acting is not None:
        # X1: a code grant to an agent's client always has its delegation.
        return _ended("delegation_unknown", granted.client_id)
    resource = await core.snapshot.resource(audience)
    own = asked & OIDC_SCOPES
    if resource is not None:
        own = resource.closed(asked) & words(granted.scope) & frozenset(resource.scopes)
    return Yield(
        kind=TokenKind.USER,
        audience=audience,
        scope=own,
        ttl=core.policy.access_token_ttl if resource is None else resource.token_ttl,
        alg="ES256" if resource is None else resource.alg,
        chain=(),
        details=(),
        not_after=None,
        id_token=id_token,
        depends=depends,
    )


def _audience(core: Core, request: TokenRequest, granted: Granted) -> str | Refused:
    """RFC 8707 §2.2: one of the granted resources; X6: an agent's own URI if none was named."""
    named = request.form.every("resource")
    if len(named) > 1:
        return invalid_target("several_targets", "Name one resource.")
    own = (
        agent_uri(core.policy.issuer, request.acting.id)
        if request.acting is not None
        else core.policy.issuer
    )
    if named:
        target = registered_form(named[0], granted.resources)
        if target not in granted.resources and not (not granted.resources and target == own):
            return invalid_target("target_not_granted", "The resource was not granted.")
        return target
    if len(granted.resources) > 1:
        return invalid_target("target_missing", "Name which granted resource the token is for.")
    return granted.resources[0] if granted.resources else own


async def _held(
    core: Core,
    audience: str,
    asked: frozenset[str],
    request: TokenRequest,
    agents: tuple[Agent, ...],
    details: tuple[Detail, ...],
) -> tuple[frozenset[str], tuple[Detail, ...]]:
    """Cut the delegation's details to the audience, the client and every ceiling."""
    scope: set[str] = set()
    kept: list[Detail] = []
    for detail in details:
        resource: Resource | None = await core.snapshot.resource(detail.resource)
        if resource is None or (
            not audience.startswith(f"{core.policy.issuer}/agents/") and audience != resource.id
        ):
            continue
        held = detail.scopes & resource.closed(asked) & frozenset(resource.scopes)
        if request.acting is not None:
            held &= resource.closed(request.client.scopes)
        held = under_ceilings(held, resource, agents)
        if held:
            scope |= held
            kept.append(Detail(resource=resource.id, scopes=held, objects=detail.objects))
    return frozenset(scope), tuple(kept)


def _ended(reason: str, detail: str = "") -> Refused:
    return invalid_grant(reason, "The grant has ended.", detail=detail)
