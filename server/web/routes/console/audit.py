"""`/admin/audit`: the trail, filtered by person, agent or delegation, page by page."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from authz.tx import Tx
from server.domain.audit import AuditFilter, AuditPage
from server.identity.addresses import email_key
from server.web.audit_words import TAG_WORDS
from server.web.front import Front
from server.web.paging import cursor_of, paging, query_of
from server.web.routes.console.entrance import admin_of
from server.web.views.admin import AdminAuditPage, AuditRow
from server.web.why_link import why_link

_PATH: Final = "/admin/audit"
_PAGE: Final = 50
_NOBODY: Final = AuditPage(entries=())


def routes(front: Front) -> list[Route]:
    """Return the routes of the audit trail."""
    return [Route(_PATH, front.guarded(lambda r: _show(front, r)), methods=["GET"])]


@dataclass(frozen=True, slots=True)
class _Found:
    """A page of the trail with the names that it mentions."""

    page: AuditPage
    unsealed: int
    problem: str | None
    people: dict[str, str]
    agents: dict[str, str]
    labels: dict[str, str]


async def _show(front: Front, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    query = query_of(request)
    asked = {name: query.get(name, "")[:254] for name in ("person", "agent", "delegation")}
    before = cursor_of(request)

    def load(tx: Tx) -> _Found:
        rows = front.core.rows
        wanted, problem = _filter(front, tx, asked)
        page = _NOBODY
        if wanted is not None:
            page = rows.audit.search(tx, wanted, before=before, limit=_PAGE)
        records = [entry.record for entry in page.entries]
        people = {r.user_id for r in records if r.user_id}
        agents = {agent_id for r in records for agent_id in r.agents}
        return _Found(
            page=page,
            unsealed=rows.audit.unsealed(tx),
            problem=problem,
            people={i: u.email for i in people if (u := rows.users.get(tx, i))},
            agents={i: a.name for i in agents if (a := rows.agents.get(tx, i))},
            labels=rows.resources.labels(tx, sorted({r.object for r in records if r.object})),
        )

    found = await front.core.store.read(load)
    path = front.base + _PATH
    view = AdminAuditPage(
        frame=front.frame(visitor, "admin_audit"),
        action=path,
        rows=tuple(_rows(front, found)),
        unsealed=found.unsealed,
        problem=found.problem,
        paging=paging(path, found.page.older, before, asked),
        **asked,
    )
    return front.pages.page("admin/audit", view)


def _filter(front: Front, tx: Tx, asked: dict[str, str]) -> tuple[AuditFilter | None, str | None]:
    """Turn an address or a name into an id; an id that is unknown now may still be in the trail."""
    rows = front.core.rows
    person, agent = asked["person"], asked["agent"]
    if person and not person.startswith("usr_"):
        user = rows.users.by_email(tx, email_key(person))
        if user is None:
            return None, "There is nobody with this address."
        person = user.id
    if agent and not agent.startswith("agt_"):
        named = rows.agents.search(tx, agent, 2)
        if len(named) != 1:
            words = "is no agent" if not named else "are several agents"
            return None, f"There {words} of this name. Give the agent's id."
        agent = named[0].id
    return AuditFilter(user_id=person, agent_id=agent, grant_id=asked["delegation"]), None


def _rows(front: Front, found: _Found) -> list[AuditRow]:
    shown = []
    for entry in found.page.entries:
        r = entry.record
        target = found.labels.get(r.object or "", r.object or "") or r.resource or ""
        shown.append(
            AuditRow(
                audit_id=entry.id,
                at=r.at,
                what=TAG_WORDS.get(r.tag, r.tag.value),
                tag=r.tag.value,
                outcome=r.outcome.value,
                person=found.people.get(r.user_id or "", r.user_id or ""),
                agents=tuple(found.agents.get(agent_id, agent_id) for agent_id in r.agents),
                client=r.client_id or "",
                grant_id=r.grant_id or "",
                grant_url=f"{front.base}/admin/delegations/{r.grant_id}" if r.grant_id else None,
                target=target,
                reason=r.reason or "",
                why_url=front.base + link if (link := why_link(r)) else None,
                sealed=entry.sealed,
            )
        )
    return shown
