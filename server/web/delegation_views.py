"""Delegations as view-models: badges, rows of lists, trees, and the page of one."""

from urllib.parse import urlsplit

from server.domain.delegation import EVERYTHING, Delegation, Effect
from server.domain.people import User
from server.domain.registry import Agent, Resource
from server.services.review import Listed, Names, Review
from server.services.withdraw import edge_value
from server.web.audit_words import action_words, ended_words, refusal_words
from server.web.views.delegation import (
    ActionRow,
    DelegationNode,
    DelegationPage,
    DelegationRow,
    EffectRow,
    HeldObject,
    HeldPermission,
    HeldResource,
    HeldScope,
)
from server.web.views.frame import AgentBadge, Frame

EVERYTHING_YOURS = "Everything that you may reach yourself"
EVERYTHING_THEIRS = "Everything that the person may reach themselves"
UNKNOWN_AGENT = "Unknown agent"


def host_of(uri: str) -> str:
    """Return the host of a resource's URI, or the URI itself if it has none."""
    return urlsplit(uri).netloc or uri


def badge(names: Names, agent_id: str, url: str | None = None) -> AgentBadge:
    """Say which agent it is, and who answers for it."""
    return agent_badge(names.agents.get(agent_id), agent_id, names.owner_of(agent_id), url)


def agent_badge(
    agent: Agent | None, agent_id: str, owner: User | None, url: str | None = None
) -> AgentBadge:
    """Say which agent it is, and who answers for it, if the house knows who that is.

    A name that somebody chose at sign-up says nothing, and no address is verified: neither is
    shown beside an agent that such a person registered.
    """
    known = owner is not None and owner.known_here
    return AgentBadge(
        agent_id=agent_id,
        name=agent.name if agent else UNKNOWN_AGENT,
        owner=owner.name if owner is not None and known else None,
        verified=agent is not None and not agent.provisional and known,
        self_made_owner=owner is not None and not known,
        status=agent.status.value if agent else "retired",
        url=url,
    )


def rows(
    found: Listed, path: str, *, people: dict[str, str] | None = None
) -> tuple[DelegationRow, ...]:
    """Return the rows of a list; `path` is before each id, `people` names the delegators."""
    return tuple(
        DelegationRow(
            grant_id=row.id,
            url=f"{path}/{row.id}",
            agent=badge(found.names, row.agent_id),
            services=_services(row, found.names),
            status=found.conditions[row.id],
            given_at=row.created_at,
            expires_at=None if row.sid else row.expires_at,
            last_used_at=found.names.last_use.get(row.id),
            purpose=row.purpose,
            person=(people or {}).get(row.user_id, ""),
            hops=found.hops.get(row.id, 0),
            origin=host_of(row.origin) if row.origin else "",
        )
        for row in found.rows
    )


def emails(names: Names) -> dict[str, str]:
    """Name delegators by their address, for administrators."""
    return {user.id: user.email for user in names.people.values()}


def node(review: Review, row: Delegation, path: str) -> DelegationNode:
    """Return a delegation with all that hangs below it."""
    here = row.id == review.delegation.id
    return DelegationNode(
        grant_id=row.id,
        agent=badge(review.names, row.agent_id),
        status=review.conditions[row.id],
        may=_may(row, review.names),
        url=None if here else f"{path}/{row.id}",
        here=here,
        last_used_at=review.names.last_use.get(row.id),
        children=tuple(
            node(review, child, path) for child in review.tree if child.parent_id == row.id
        ),
    )


def effect_rows(review: Review) -> tuple[EffectRow, ...]:
    """Return what the calls of a delegation and of all below it have left behind."""
    holders = {row.id: row.agent_id for row in review.tree}
    return tuple(
        EffectRow(
            effect_id=effect.id,
            at=effect.created_at,
            sentence=_effect_words(effect, review),
            agent_name=badge(review.names, holders[effect.grant_id]).name,
            undone_at=effect.undone_at,
        )
        for effect in review.effects
    )


def delegation_page(review: Review, frame: Frame, *, base: str, as_admin: bool) -> DelegationPage:
    """Return the page of one delegation, with what its reader may do."""
    value, names = review.delegation, review.names
    path = f"{base}/admin/delegations" if as_admin else f"{base}/agents"
    own = f"{path}/{value.id}"
    condition = review.conditions[value.id]
    open_ = condition in ("live", "paused")
    root = next(row for row in review.tree if row.parent_id is None)
    return DelegationPage(
        frame=frame,
        grant_id=value.id,
        agent=badge(names, value.agent_id),
        client_name=review.client_name,
        person=review.person.email,
        purpose=value.purpose,
        status=condition,
        given_at=value.created_at,
        expires_at=value.expires_at,
        last_used_at=names.last_use.get(value.id),
        resources=_held(value, review, as_admin=as_admin),
        root=node(review, root, path),
        actions=_actions(review),
        effects=effect_rows(review),
        hand_overs=tuple(
            HeldPermission(value=agent_id, sentence=badge(names, agent_id).name)
            for agent_id in value.allow_agents
        ),
        downstreams=tuple(
            HeldPermission(value=edge_value(edge), sentence=_edge_words(edge, names))
            for edge in value.allow_edges
        ),
        may_share=value.allow_sharing,
        ends_with_session=value.sid is not None,
        ended_why="" if open_ else ended_words(value.revoked_reason, as_admin=as_admin),
        as_admin=as_admin,
        back_url=path,
        revoke_url=f"{own}/revoke" if open_ else None,
        narrow_url=f"{own}/narrow" if open_ and not as_admin else None,
        undo_url=f"{own}/undo",
        audit_url=f"{base}/admin/audit?delegation={value.id}" if as_admin else None,
        endings=_endings(review) if open_ and not as_admin else (),
        origin=host_of(value.origin) if value.origin else "",
        again_url=f"{own}/allow-again"
        if value.taken_back(review.now, ("user",)) and not as_admin
        else None,
    )


def _endings(review: Review) -> tuple[tuple[str, str], ...]:
    """Offer earlier ends: seconds from now, and the words."""
    left = (review.delegation.expires_at - review.now) // 1000
    offers = ((3600, "in one hour"), (86_400, "in one day"), (604_800, "in one week"))
    return tuple((str(seconds), text) for seconds, text in offers if seconds < left)


def _services(row: Delegation, names: Names) -> tuple[str, ...]:
    uris = dict.fromkeys(d.resource for d in row.details if d.scopes)
    return tuple(
        found.name if (found := names.resources.get(uri)) else host_of(uri) for uri in uris
    )


def _sentence(resource: Resource | None, scope: str) -> str:
    known = resource.scopes.get(scope) if resource else None
    return known.description if known else scope


def _may(row: Delegation, names: Names) -> tuple[str, ...]:
    return tuple(
        _sentence(names.resources.get(uri), scope)
        for uri in dict.fromkeys(d.resource for d in row.details)
        for scope in sorted(row.scopes_at(uri))
    )


def _held(value: Delegation, review: Review, *, as_admin: bool) -> tuple[HeldResource, ...]:
    held = []
    for uri in dict.fromkeys(d.resource for d in value.details):
        resource = review.names.resources.get(uri)
        objects = dict.fromkeys(
            name for d in value.details if d.resource == uri for name in d.objects
        )
        held.append(
            HeldResource(
                name=resource.name if resource else host_of(uri),
                host=host_of(uri),
                scopes=tuple(
                    HeldScope(
                        value=scope,
                        sentence=_sentence(resource, scope),
                        destructive=_destructive(resource, scope),
                    )
                    for scope in sorted(value.scopes_at(uri))
                ),
                objects=tuple(_object(name, review, as_admin=as_admin) for name in objects),
                objects_matter=bool(objects or (resource and resource.types)),
            )
        )
    return tuple(held)


def _destructive(resource: Resource | None, scope: str) -> bool:
    known = resource.scopes.get(scope) if resource else None
    return known is not None and known.destructive


def _object(name: str, review: Review, *, as_admin: bool) -> HeldObject:
    if name == EVERYTHING:
        words = EVERYTHING_THEIRS if as_admin else EVERYTHING_YOURS
        return HeldObject(value=name, label=words, kind="")
    kind = name.partition(":")[0]
    return HeldObject(
        value=name,
        label=review.labels.get(name, name),
        kind=kind.replace("_", " ").capitalize(),
        contains=kind == "folder",
    )


def _effect_words(effect: Effect, review: Review) -> str:
    label = review.labels.get(effect.object, effect.object)
    person = review.names.people.get(effect.subject.removeprefix("user:"))
    holder = person.name if person else effect.subject
    return f"Made {holder} {effect.relation} of {label}"


def _edge_words(edge: tuple[str, str, str, str], names: Names) -> str:
    from_uri, _, to_uri, to_scope = edge
    here, there = names.resources.get(from_uri), names.resources.get(to_uri)
    return (
        f"{here.name if here else host_of(from_uri)} may use "
        f"{there.name if there else host_of(to_uri)}: {_sentence(there, to_scope)}"
    )


def _actions(review: Review) -> tuple[ActionRow, ...]:
    return tuple(
        ActionRow(
            at=entry.record.at,
            agents=tuple(badge(review.names, agent).name for agent in entry.record.agents),
            what=action_words(entry.record),
            outcome=entry.record.outcome.value,
            object_label=review.labels.get(entry.record.object or "", entry.record.object or ""),
            why=refusal_words(entry.record.reason) if entry.record.outcome == "refused" else "",
        )
        for entry in review.entries
    )
