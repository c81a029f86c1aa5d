"""Approvals as view-models: rows of lists, and the page of one question."""

from server.delegation.approvals import FRESH
from server.domain.approvals import Approval, ApprovalKind, ApprovalStatus, Asked
from server.domain.delegation import Detail
from server.domain.registry import Resource
from server.services.approvals import Listed, Names
from server.services.escalation import Picked
from server.web.delegation_views import agent_badge, host_of
from server.web.views.approvals import ApprovalPage, ApprovalRow, AskedPart
from server.web.views.delegation import HeldObject, HeldScope
from server.web.views.frame import AgentBadge, Frame
from server.web.way_back import way_back


def approval_rows(
    found: Listed, path: str | None, *, as_admin: bool = False
) -> tuple[ApprovalRow, ...]:
    """Return the rows of a list; `path` is before each id, none where they have no page."""
    names = found.names
    return tuple(
        ApprovalRow(
            url=None if path is None else f"{path}/{row.id}",
            agent=_badge(names, row.asked.agent_id),
            asks=_asks(row, names),
            services=tuple(_service(names, uri) for uri in _uris(row)),
            state=row.shown(found.now).value,
            asked_at=row.created_at,
            expires_at=row.expires_at,
            person=_person(names, row.asked.user_id) if as_admin else "",
        )
        for row in found.rows
    )


def approval_page(
    found: Listed,
    frame: Frame,
    *,
    base: str,
    auth_time: int,
    is_over: bool,
    picked: Picked | None = None,
) -> ApprovalPage:
    """Return the page of the one approval in `found`, for its own person.

    `auth_time` is when they signed in; `is_over` says that what it rests on has ended. `picked` is
    what was switched on before, none at first.
    """
    [approval], names, now = found.rows, found.names, found.now
    asked, status = approval.asked, approval.shown(now)
    is_open = status is ApprovalStatus.PENDING
    client = names.clients.get(asked.client_id)
    more = asked.kind is ApprovalKind.ESCALATION
    age = FRESH if more and _destroys(asked, names) else asked.max_age
    return ApprovalPage(
        frame=frame,
        more=more,
        agent=_badge(names, asked.agent_id),
        client_name=client.name if client else asked.client_id,
        helpers=tuple(_badge(names, agent_id).name for agent_id in asked.agents[1:]),
        tool=asked.tool,
        tool_title=_title(asked, names),
        parts=tuple(
            _part(names, number, detail, picked) for number, detail in enumerate(asked.details)
        ),
        summary=asked.summary,
        state=status.value,
        asked_at=approval.created_at,
        expires_at=approval.expires_at,
        answered_at=approval.answered_at,
        good_for=max(1, asked.lasts // 60),
        is_ended=is_over
        and approval.new_grant_id is None
        and status in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED),
        sign_in_again=age is not None and now - auth_time > age * 1000,
        sign_in_url=base
        + way_back(next_path=f"/approvals/{approval.id}", interaction=None).carried_by("/sign-in"),
        action=f"{base}/approvals/{approval.id}" if is_open else None,
        grant_url=f"{base}/agents/{asked.grant_id}",
        new_grant_url=f"{base}/agents/{approval.new_grant_id}" if approval.new_grant_id else None,
        back_url=f"{base}/approvals",
    )


def _destroys(asked: Asked, names: Names) -> bool:
    """Tell whether something can be switched on that cannot be undone."""
    return any(each.destructive for d in asked.details for each in _scopes(names, d))


def _badge(names: Names, agent_id: str) -> AgentBadge:
    return agent_badge(names.agents.get(agent_id), agent_id, names.owners.get(agent_id))


def _person(names: Names, user_id: str) -> str:
    user = names.people.get(user_id)
    return user.email if user is not None else user_id


def _uris(approval: Approval) -> tuple[str, ...]:
    return tuple(dict.fromkeys(detail.resource for detail in approval.asked.details))


def _service(names: Names, uri: str) -> str:
    resource = names.resources.get(uri)
    return resource.name if resource is not None else host_of(uri)


def _asks(approval: Approval, names: Names) -> str:
    """Say in a few words what is asked for: the tool and its objects, or what more."""
    asked = approval.asked
    objects = [names.labels.get(o, o) for detail in asked.details for o in detail.objects]
    on = f" on {', '.join(objects[:3])}" if objects else ""
    more = f" and {len(objects) - 3} more" if len(objects) > 3 else ""
    if asked.kind is ApprovalKind.ESCALATION:
        sentences = [s.sentence for detail in asked.details for s in _scopes(names, detail)]
        return f"More: {', '.join(sentences)}{on}{more}"
    return f"{_title(asked, names) or asked.tool}{on}{more}"


def _title(asked: Asked, names: Names) -> str:
    """Return what the registry calls the tool in a person's words, or nothing."""
    resource = names.resources.get(asked.details[0].resource)
    tools = resource.tools if resource is not None else ()
    return next((tool.title for tool in tools if tool.name == asked.tool), "")


def _part(names: Names, number: int, detail: Detail, picked: Picked | None) -> AskedPart:
    resource = names.resources.get(detail.resource)
    scopes = _scopes(names, detail)
    if picked is None:
        scopes_on = frozenset(each.value for each in scopes if not each.destructive)
        objects_on = frozenset(detail.objects)
    else:
        scopes_on = frozenset(name for n, name in picked.scopes if n == number)
        objects_on = frozenset(name for n, name in picked.objects if n == number)
    return AskedPart(
        number=number,
        scopes_on=scopes_on,
        objects_on=objects_on,
        included=_included(resource, detail),
        service=_service(names, detail.resource),
        host=host_of(detail.resource),
        scopes=scopes,
        objects=tuple(_object(names, name) for name in detail.objects),
        objects_matter=bool(detail.objects or (resource and resource.types)),
    )


def _included(resource: Resource | None, detail: Detail) -> dict[str, tuple[str, ...]]:
    """Say what comes with each scope, as at consent."""
    if resource is None:
        return {}
    known = resource.scopes
    return {
        name: tuple(
            known[each].description or each
            for each in known
            if each in (resource.closed(frozenset({name})) & detail.scopes) - {name}
        )
        for name in detail.scopes
    }


def _scopes(names: Names, detail: Detail) -> tuple[HeldScope, ...]:
    resource = names.resources.get(detail.resource)
    found = []
    for name in sorted(detail.scopes):
        known = resource.scopes.get(name) if resource is not None else None
        found.append(
            HeldScope(
                value=name,
                sentence=known.description if known is not None else name,
                destructive=known is not None and known.destructive,
            )
        )
    return tuple(found)


def _object(names: Names, name: str) -> HeldObject:
    kind = name.partition(":")[0]
    return HeldObject(
        value=name,
        label=names.labels.get(name, name),
        kind=kind.replace("_", " ").capitalize(),
        contains=kind == "folder",
    )
