"""POST /access/v1/search/resource and action: what a token may do, by the decision of evaluation.

A page looks at so many candidates at most and names those that an evaluation allows, so it may be
short of its limit, or empty, while more follow; its token says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from authz.decision import Denied, Reason, advice
from authz.errors import AuthzError
from authz.relations import Listing
from authz.resources import RESOURCE, TOOL
from server.delegation.decision import Call, decide_call, relation_subject
from server.delegation.standing import Standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import RESERVED_RELATIONS
from server.domain.refusal import Refused
from server.domain.registry import Client, Resource
from server.domain.tokens import TokenRecord
from server.protocol.evaluation import agents_of, own_resource, presented_at, user_of
from server.protocol.page_token import PageTokens
from server.protocol.presented import TokenReader
from server.protocol.scopes import words
from server.protocol.search_question import (
    Search,
    parse_action_search,
    parse_resource_search,
)

Entity = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Found:
    """A page: what is allowed of what was looked at, and behind which the next begins."""

    results: Sequence[Entity] = ()
    last: str = ""
    """Empty on the last page."""
    denied: Denied | None = None
    """Why nothing at all can be found."""


class Searching:
    """Answers a resource server about tokens that name it as audience, within its own types."""

    def __init__(self, core: Core, reader: TokenReader, pages: PageTokens) -> None:
        """Read presented tokens with `reader`; `pages` makes the tokens of next pages."""
        self._core = core
        self._reader = reader
        self._pages = pages

    async def resources(self, caller: Client, body: Any) -> Mapping[str, object] | Refused:
        """Find objects that a call of the token may touch; raises `UnavailableError` (503)."""
        await self._core.snapshot.refresh()
        resource = await own_resource(self._core, caller)
        if isinstance(resource, Refused):
            return resource
        search = parse_resource_search(body, resource.id, self._pages)
        return search if isinstance(search, Refused) else await self._answer(resource, search)

    async def actions(self, caller: Client, body: Any) -> Mapping[str, object] | Refused:
        """Find what a call of the token may do with one object; raises `UnavailableError`."""
        await self._core.snapshot.refresh()
        resource = await own_resource(self._core, caller)
        if isinstance(resource, Refused):
            return resource
        search = parse_action_search(body, resource.id, self._pages)
        return search if isinstance(search, Refused) else await self._answer(resource, search)

    async def _answer(self, resource: Resource, search: Search) -> Mapping[str, object]:
        record, alive = await presented_at(
            self._core, self._reader, resource, search.asked.token, search.asked.jkt
        )
        if isinstance(alive, Denied):
            found, standing = _Found(denied=alive), None
        else:
            find = self._resources if search.type else self._actions
            found, standing = await find(resource, search, alive), alive
        event = await self._event(resource, search, found, record, standing)
        audit_id = await self._core.store.write(lambda tx: self._core.rows.audit.record(tx, event))
        token = ""
        if found.last:
            token = self._pages.give(search.bound, search.limit, found.last)
        context: dict[str, object] = {"search_id": audit_id}
        if found.denied is not None:
            context["reason"] = found.denied.reason.value
            context["action"] = advice(found.denied.reason).value
        return {
            "page": {"next_token": token, "count": len(found.results)},
            "context": context,
            "results": list(found.results),
        }

    async def _resources(self, resource: Resource, search: Search, alive: Standing) -> _Found:
        core, call = self._core, search.asked.call
        relation = call.relation or ""
        # Who is not accepted, or lacks the scope, is told so, and nothing is listed.
        decision = await decide_call(core, alive, resource, call)
        if decision.denied is not None:
            return _Found(denied=decision.denied)
        if search.type not in resource.types | {RESOURCE, TOOL}:
            return _Found(denied=Denied(Reason.USER_RELATION, "type not of this resource"))
        who = relation_subject(alive)

        # Candidates come from our own tuples, whoever answers questions: each is decided below.
        def listed(tx: Any) -> Listing:
            return core.relations.list_objects(
                tx, who, relation, search.type, search.limit, after=search.after
            )

        try:
            listing = await core.store.read(listed)
        except AuthzError:
            return _Found(denied=Denied(Reason.USER_RELATION, "the model has no such relation"))
        if not listing.objects:
            # What the engine could not look at is no answer: nothing would tell that it lacks.
            cut = Denied(Reason.CHECKER_UNAVAILABLE, "too many candidates")
            return _Found(denied=cut if listing.truncated else None)
        last = listing.objects[-1] if listing.truncated else ""
        # Tools of every resource have one type, and one that is not this one's denies all.
        own = tuple(filter(resource.owns, listing.objects))
        if not own:
            return _Found(last=last)
        decision = await decide_call(core, alive, resource, replace(call, objects=own))
        if not decision.objects:
            return _Found(denied=decision.denied)
        results = [
            {"type": search.type, "id": name.partition(":")[2]}
            for name, denied in decision.objects
            if denied is None
        ]
        return _Found(results, last)

    async def _actions(self, resource: Resource, search: Search, alive: Standing) -> _Found:
        core, asked = self._core, search.asked.call
        (name,) = asked.objects
        kind = name.partition(":")[0]
        if not resource.owns(name):
            return _Found(denied=Denied(Reason.USER_RELATION, "type not of this resource"))
        model = await core.store.read(core.relations.model)
        relations = sorted(set(model.types.get(kind, {})) - RESERVED_RELATIONS)
        scopes = sorted(words(alive.record.scope) & resource.scopes.keys())
        pairs = [
            (f"{scope} {relation}", scope, relation) for scope in scopes for relation in relations
        ]
        behind = [pair for pair in pairs if pair[0] > search.after]
        page = behind[: search.limit]
        results: list[Entity] = []
        for _, scope, relation in page:
            call = Call(
                scopes=frozenset({scope}),
                relation=relation,
                objects=asked.objects,
                principals=asked.principals,
            )
            if (await decide_call(core, alive, resource, call)).denied is None:
                results.append({"name": scope, "properties": {"relation": relation}})
        return _Found(results, page[-1][0] if len(behind) > len(page) else "")

    async def _event(
        self,
        resource: Resource,
        search: Search,
        found: _Found,
        record: TokenRecord | None,
        alive: Standing | None,
    ) -> AuditRecord:
        asked = search.asked
        return AuditRecord(
            tag=AuditTag.SEARCH,
            outcome=Outcome.DONE if found.denied is None else Outcome.REFUSED,
            reason=None if found.denied is None else found.denied.reason.value,
            at=self._core.clock.now(),
            user_id=user_of(record),
            agents=await agents_of(self._core, record, alive),
            client_id=record.client_id if record is not None else None,
            grant_id=record.grant_id if record is not None else None,
            resource=resource.id,
            object=" ".join(asked.call.objects) or None,
            request_id=asked.request_id,
            detail={
                "searched": search.type or "actions",
                "scope": " ".join(sorted(asked.call.scopes)) if search.type else "",
                "relation": asked.call.relation or "",
                "found": str(len(found.results)),
                "jti": record.jti if record is not None else "",
                "detail": found.denied.detail if found.denied is not None else "",
            },
        )
