"""The consent page of one interaction: what may be allowed, in the words of whoever owns it."""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from authz.tx import Tx
from server.domain.core import Core
from server.domain.interactions import Interaction
from server.domain.registry import Agent, Client, Resource, Scope
from server.identity.consent import KEPT, SESSION, Picks, edge_key, offered_durations
from server.identity.consent_objects import Held, Holdings, held_objects
from server.identity.consent_offer import NoOffer, Offer, Section, make_offer
from server.protocol.redirect_uri import is_local
from server.web.delegation_views import agent_badge
from server.web.origin import LOOPBACK_HOSTS, site_of
from server.web.views.consent import (
    ConsentPage,
    DownstreamChoice,
    DurationChoice,
    HandOverChoice,
    ObjectChoice,
    ResourceAsk,
    ScopeChoice,
    starts_ticked,
)
from server.web.views.frame import AgentBadge, Frame

SHOWN: Final = 50
"""Objects of one section on the page; the others are found by name."""
IDENTITY_SENTENCES: Final = {
    "openid": "Know that it is you",
    "profile": "See your name",
    "email": "See your e-mail address",
}
_DURATIONS: Final = {
    SESSION: ("Until you sign out", "Ends with this session"),
    KEPT: ("Until you take it back", "Also while you are not here"),
    "3600": ("1 hour", ""),
    "86400": ("1 day", ""),
    "604800": ("7 days", ""),
    "2592000": ("30 days", ""),
    "7776000": ("90 days", ""),
}
OFFLINE_SENTENCE: Final = "Until you take it back, also while you are not here"
"""`offline_access` where no time is chosen any more: both words of `KEPT`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One showing of the page: `picks` are what was ticked before, none at first."""

    interaction: Interaction
    frame: Frame
    user_id: str
    picks: Picks | None = None
    object_query: str = ""
    problem: str | None = None


async def consent_view(core: Core, base: str, asking: Asking) -> ConsentPage | NoOffer:
    """Build the page from the registry and the graph as of now. Raises GraphUnavailable."""
    request, now = asking.interaction.request, core.clock.now()
    offer = await core.store.read(lambda tx: make_offer(core, tx, request, asking.user_id, now))
    if isinstance(offer, NoOffer):
        return offer
    holdings = await held_objects(core.graph, offer, asking.user_id)
    return await core.store.read(lambda tx: _view(core, tx, base, asking, offer, holdings))


def _view(
    core: Core, tx: Tx, base: str, asking: Asking, offer: Offer, holdings: Holdings
) -> ConsentPage:
    request = asking.interaction.request
    host, local = goes_to(request.redirect_uri)
    picks = asking.picks
    kind: Literal["agent", "application"] = "agent" if offer.delegates else "application"
    return ConsentPage(
        frame=asking.frame,
        action=f"{base}/consent",
        interaction=asking.interaction.id,
        kind=kind,
        agent=_badge(core, tx, offer.agent) if offer.agent is not None else _client(core, offer),
        client_name=offer.client.name,
        purpose=offer.agent.purpose if offer.agent is not None else "",
        resources=(
            *_identity(offer, picks),
            *(_section(core, tx, offer, section, asking, holdings) for section in offer.sections),
        ),
        durations=_durations(core, offer, picks),
        redirect_host=host,
        self_registered=offer.client.by_itself is not None,
        client_host=urlsplit(offer.client.id).netloc if offer.client.is_document else "",
        logo_url=_logo(core, tx, base, offer.client),
        only_local=all(is_local(uri) for uri in offer.client.redirect_uris),
        redirect_is_local=local,
        hand_overs=tuple(_hand_over(core, tx, agent, picks) for agent in offer.hand_overs),
        downstreams=_downstreams(core, tx, offer, picks),
        may_share=offer.delegates and any(s.objects_matter for s in offer.sections),
        share_ticked=picks is not None and picks.allow_sharing,
        replaces=bool(offer.earlier),
        keep_ticked=picks is not None and picks.keep_earlier,
        object_query=asking.object_query,
        problem=asking.problem,
        switch_account_url=f"{base}/sign-in?interaction={asking.interaction.id}",
    )


def _badge(core: Core, tx: Tx, agent: Agent) -> AgentBadge:
    owner = core.rows.users.get(tx, agent.owner_id) if agent.owner_id is not None else None
    return agent_badge(agent, agent.id, owner)


def _hand_over(core: Core, tx: Tx, agent: Agent, picks: Picks | None) -> HandOverChoice:
    shown = _badge(core, tx, agent)
    # Asked for by name; but whom nobody known here answers for is never ticked beforehand.
    ticked = shown.verified if picks is None else agent.id in picks.hand_overs
    return HandOverChoice(value=agent.id, agent=shown, purpose=agent.purpose, ticked=ticked)


def _client(core: Core, offer: Offer) -> AgentBadge:
    """Show a client that has no agent (yet): unverified, unless it is ours."""
    ours = site_of(core.policy.issuer).origin.partition("://")[2]
    return AgentBadge(
        agent_id="",
        name=offer.client.name,
        owner=ours if offer.client.first_party else None,
        verified=offer.client.first_party,
    )


def _logo(core: Core, tx: Tx, base: str, client: Client) -> str:
    """Return where our copy of a client's picture is; "" if it has none."""
    if client.by_itself is None or client.by_itself.logo_uri is None:
        return ""
    known = core.rows.logos.get(tx, client.id)
    # Of the address that the document names now: it may have changed since.
    if known is None or not known.digest or known.uri != client.by_itself.logo_uri:
        return ""
    return f"{base}/client-logo/{known.digest}"


def _identity(offer: Offer, picks: Picks | None) -> tuple[ResourceAsk, ...]:
    """Return the part about the person: what the client learns of them (OIDC Core §5.4)."""
    if not offer.identity:
        return ()
    scopes = tuple(
        ScopeChoice(
            value=name,
            sentence=IDENTITY_SENTENCES[name],
            asked=True,
            fixed=name == "openid",
            ticked=picks is None or name in picks.scopes,
        )
        for name in IDENTITY_SENTENCES
        if name in offer.identity
    )
    return (ResourceAsk(name="Who you are", host="", scopes=scopes, objects_matter=False),)


def _section(
    core: Core, tx: Tx, offer: Offer, section: Section, asking: Asking, holdings: Holdings
) -> ResourceAsk:
    picks = asking.picks
    scopes = tuple(
        ScopeChoice(
            value=section.scope_key(scope.name),
            sentence=scope.description or scope.name,
            comes_with=_comes_with(offer, section, scope),
            tools=_opens(offer, section, scope),
            asked=True,
            destructive=scope.destructive,
            ticked=(
                starts_ticked(asked=True, destructive=scope.destructive)
                if picks is None
                else section.scope_key(scope.name) in picks.scopes
            ),
        )
        for scope in section.scopes
    )
    objects: tuple[ObjectChoice, ...] = ()
    hidden = 0
    if offer.delegates and section.objects_matter:
        held = holdings.get(section.number, Held())
        objects, hidden = _objects(core, tx, section, asking, held)
    return ResourceAsk(
        name=section.resource.name,
        host=urlsplit(section.resource.id).netloc,
        scopes=scopes,
        objects_matter=offer.delegates and section.objects_matter,
        objects=objects,
        objects_hidden=hidden,
    )


def _opens(offer: Offer, section: Section, scope: Scope) -> tuple[str, ...]:
    """Name the tools that need this scope, or no more than it brings along."""
    given = section.with_included(frozenset({scope.name}), offer.agent)
    return tuple(
        tool.title
        for tool in section.resource.tools
        if scope.name in tool.scopes or tool.scopes <= given
    )


def _comes_with(offer: Offer, section: Section, scope: Scope) -> tuple[str, ...]:
    given = section.with_included(frozenset({scope.name}), offer.agent) - {scope.name}
    known = section.resource.scopes
    return tuple(known[name].description or name for name in known if name in given)


def _objects(
    core: Core, tx: Tx, section: Section, asking: Asking, held: Held
) -> tuple[tuple[ObjectChoice, ...], int]:
    """Return what the person may pick, ticked ones first kept, and how many are not shown."""
    picks = asking.picks
    names, truncated = held.names, held.truncated
    labels = core.rows.resources.labels(tx, list(names))
    wanted = asking.object_query.casefold()
    ticked = (
        {name for name in names if section.object_key(name) in picks.objects}
        if picks is not None
        else set(section.objects)
    )
    found = [name for name in names if wanted in labels.get(name, name).casefold()]
    shown = [name for name in names if name in ticked]
    shown += [name for name in found if name not in ticked][: max(0, SHOWN - len(shown))]
    choices = tuple(
        _object(section.resource, name, labels, section, ticked=name in ticked)
        for name in sorted(shown, key=lambda name: (labels.get(name) or name).casefold())
    )
    return choices, max(len(names) - len(shown), 1 if truncated else 0)


def _object(
    resource: Resource, name: str, labels: dict[str, str], section: Section, *, ticked: bool
) -> ObjectChoice:
    kind = name.partition(":")[0]
    pickable = next(p for p in resource.pickable if p.type == kind)
    return ObjectChoice(
        value=section.object_key(name),
        label=labels.get(name, name),
        kind=pickable.label,
        contains=pickable.contains,
        asked=name in section.objects,
        ticked=ticked,
    )


def _downstreams(
    core: Core, tx: Tx, offer: Offer, picks: Picks | None
) -> tuple[DownstreamChoice, ...]:
    if not offer.delegates:
        return ()
    choices = []
    for edge in offer.edges:
        service = core.rows.resources.get(tx, edge[0])
        target = core.rows.resources.get(tx, edge[2])
        scope = target.scopes.get(edge[3]) if target is not None else None
        if service is None or target is None or scope is None:
            continue
        choices.append(
            DownstreamChoice(
                value=edge_key(edge),
                service=service.name,
                target=target.name,
                sentence=scope.description or scope.name,
                ticked=picks is not None and edge_key(edge) in picks.downstreams,
            )
        )
    return tuple(choices)


def _durations(core: Core, offer: Offer, picks: Picks | None) -> tuple[DurationChoice, ...]:
    """Return the times to choose from; at first the shortest that does what was asked."""
    offered = offered_durations(core, offer)
    first = SESSION if not offer.offline else next(value for value in offered if value != SESSION)
    chosen = picks.duration if picks is not None and picks.duration in offered else first
    return tuple(
        DurationChoice(
            value=value,
            label=_DURATIONS[value][0],
            hint=_DURATIONS[value][1],
            ticked=value == chosen,
        )
        for value in offered
    )


def goes_to(redirect_uri: str) -> tuple[str, bool]:
    """Return where the browser goes afterwards, and whether that is this computer."""
    parts = urlsplit(redirect_uri)
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:", True
    return parts.netloc, (parts.hostname or "") in LOOPBACK_HOSTS
