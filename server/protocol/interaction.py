"""OIDC Core §3.1.2.1 to §3.1.2.4: what has to happen next in a running authorization.

`next_step` is pure, so that a table can test it. New ways to sign in change sessions, not this.
"""

from dataclasses import dataclass, replace
from typing import Final

from authz.tx import Tx
from server.delegation.coverage import contradicts, covers, delegate_of, wants_delegation
from server.domain.core import Core
from server.domain.delegation import Delegation
from server.domain.interactions import AuthorizationRequest, Interaction
from server.domain.people import ACR_PASSWORD, Session
from server.domain.registry import Agent, Client, Status
from server.protocol.redirect_uri import is_registered
from server.protocol.scopes import OIDC_SCOPES

ACR_ORDER: Final = (ACR_PASSWORD,)
"""The authentication contexts that we know, weakest first."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The person signs in (again)."""


@dataclass(frozen=True, slots=True)
class StepUp:
    """The person signs in in a stronger way: the `acr` that the client asked for."""

    acr: str


@dataclass(frozen=True, slots=True)
class Consent:
    """The person is asked."""


@dataclass(frozen=True, slots=True)
class Complete:
    """A code may be given; `grant_id` is the delegation that it stands for."""

    grant_id: str | None


@dataclass(frozen=True, slots=True)
class Refuse:
    """The client gets an error (OIDC Core §3.1.2.6)."""

    error: str
    reason: str


Step = SignIn | StepUp | Consent | Complete | Refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentState:
    """What this person allowed this client so far.

    `decided`: in this very interaction, by this person, and it still stands; `grant_id` is what
    came of it. `spoiled`: it was decided, but does not stand for this person any more.
    `covering`: delegations that each cover the whole request (none are needed: `("",)` if all is
    remembered). `silent`: an answer without a page cannot go to an impostor.
    """

    decided: bool = False
    grant_id: str | None = None
    spoiled: bool = False
    covering: tuple[str, ...] = ()
    silent: bool = False


def next_step(
    request: AuthorizationRequest,
    session: Session | None,
    consent: ConsentState,
    now: int,
    *,
    fresh: bool,
) -> Step:
    """Return what is to be done now; `fresh`: the session was made in this interaction."""
    quiet = "none" in request.prompt
    again = _sign_in_again(request, session, now, fresh=fresh)
    if session is None or again:
        return Refuse("login_required", "login_required") if quiet else SignIn()
    wanted = _unmet_acr(request, session)
    if wanted is not None and not fresh:
        # RFC 9470 §5; after a sign-in that could not do better the wish stays a wish.
        if quiet:
            return Refuse("unmet_authentication_requirements", "acr_values")
        return StepUp(wanted)
    if consent.spoiled:
        return Refuse("access_denied", "consent_lost")
    if consent.decided:
        return Complete(consent.grant_id)
    if "consent" not in request.prompt and consent.silent and len(consent.covering) == 1:
        return Complete(consent.covering[0] or None)
    if quiet:
        return Refuse("consent_required", "consent_required")
    return Consent()


def _sign_in_again(
    request: AuthorizationRequest, session: Session | None, now: int, *, fresh: bool
) -> bool:
    if session is None or not session.alive(now):
        return True
    if fresh:
        return False
    if not request.prompt.isdisjoint({"login", "select_account"}):
        return True
    return request.max_age is not None and now - session.auth_time > request.max_age * 1000


def _unmet_acr(request: AuthorizationRequest, session: Session) -> str | None:
    """Return the known `acr` that is wanted most and not reached, if none of them is."""
    known = [acr for acr in request.acr_values if acr in ACR_ORDER]
    if not known or session.acr in known:
        return None
    reached = ACR_ORDER.index(session.acr) if session.acr in ACR_ORDER else -1
    return None if any(ACR_ORDER.index(acr) <= reached for acr in known) else known[0]


async def redirect_is_registered(core: Core, request: AuthorizationRequest) -> bool:
    """Tell whether an answer may still go where the request said.

    A client that publishes its own metadata may have given the address up since: then nobody is
    sent there, not even with an error (RFC 6749 §4.1.2.1).
    """
    client = await core.store.read(lambda tx: core.rows.clients.get(tx, request.client_id))
    return client is not None and is_registered(
        request.redirect_uri, client.redirect_uris, by_itself=client.by_itself is not None
    )


async def consent_state(
    core: Core, interaction: Interaction, session: Session | None, now: int
) -> ConsentState:
    """Look up what the person of `session` allowed the client of `interaction`."""
    if session is None or not session.alive(now):
        return ConsentState()
    return await core.store.read(lambda tx: _consent_state(core, tx, interaction, session, now))


def _consent_state(
    core: Core, tx: Tx, interaction: Interaction, session: Session, now: int
) -> ConsentState:
    request = interaction.request
    client = core.rows.clients.get(tx, request.client_id)
    if client is None or client.status is not Status.ACTIVE or contradicts(request, client):
        return ConsentState(spoiled=True)
    agent_id = delegate_of(request, client)
    agent = core.rows.agents.get(tx, agent_id) if agent_id is not None else None
    if agent_id is not None and (agent is None or agent.status is not Status.ACTIVE):
        return ConsentState(spoiled=True)
    # What was allowed to a client that has another name or address now was allowed to another.
    since = client.by_itself.changed_at if client.by_itself is not None else 0
    if since > interaction.created_at:
        return ConsentState(spoiled=True)
    remembered = core.rows.consents.scopes(tx, session.user_id, client.id, since)
    state = ConsentState(silent=not _could_be_an_impostor(request, client))
    if interaction.consented_at is not None:
        if not _still_stands(core, tx, interaction, session, client, remembered, now):
            return ConsentState(spoiled=True)
        return replace(state, decided=True, grant_id=interaction.grant_id)
    return replace(
        state, covering=_covering(core, tx, request, session, client, agent, remembered, now)
    )


def _covering(
    core: Core,
    tx: Tx,
    request: AuthorizationRequest,
    session: Session,
    client: Client,
    agent: Agent | None,
    remembered: frozenset[str],
    now: int,
) -> tuple[str, ...]:
    asked = frozenset(request.scope.split())
    if not wants_delegation(request, client):
        return ("",) if asked <= remembered else ()
    # How long a delegation lasts says whether it may be used offline, so that is not asked here.
    if agent is None or not (asked & OIDC_SCOPES) - {"offline_access"} <= remembered:
        return ()
    since = client.by_itself.changed_at if client.by_itself is not None else 0
    rows = core.rows.delegations.of_pair(tx, session.user_id, agent.id)
    return tuple(
        row.id for row in rows if row.created_at >= since and covers(row, request, session, now)
    )


def _still_stands(
    core: Core,
    tx: Tx,
    interaction: Interaction,
    session: Session,
    client: Client,
    remembered: frozenset[str],
    now: int,
) -> bool:
    """Tell whether a consent of this interaction is this person's, and was not taken back."""
    if interaction.grant_id is None:
        asked = frozenset(interaction.request.scope.split())
        return not wants_delegation(interaction.request, client) and bool(asked & remembered)
    given = core.rows.delegations.get(tx, interaction.grant_id)
    return given is not None and _belongs(given, session, now)


def _belongs(given: Delegation, session: Session, now: int) -> bool:
    return given.live(now) and given.user_id == session.user_id and given.sid in (None, session.id)


def _could_be_an_impostor(request: AuthorizationRequest, client: Client) -> bool:
    """RFC 8252 §8.6: a public client behind a loopback or private-use address is anyone."""
    return not client.confidential and not request.redirect_uri.startswith("https://")
