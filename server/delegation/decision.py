"""The decision on one call: the AND of its legs; any error denies (EXCHANGE X11)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from authz.decision import Denied, Reason
from authz.engine.limits import MAX_CHECKS_PER_BATCH
from authz.relations import CheckError, Query
from server.delegation.standing import Standing
from server.domain.core import Core
from server.domain.delegation import consent_subject
from server.domain.registry import Resource
from server.domain.tokens import TokenKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is about to be done at a resource: every scope needed, and the relation on objects.

    `objects` are graph objects; `principals` says whom the tool accepts: `delegated` always,
    with `agent` an agent as itself (X8), with `user` a person's plain token.
    """

    scopes: frozenset[str]
    relation: str | None
    objects: tuple[str, ...]
    principals: frozenset[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome, with one verdict for each object."""

    denied: Denied | None
    objects: tuple[tuple[str, Denied | None], ...] = ()


async def decide_call(core: Core, alive: Standing, resource: Resource, call: Call) -> Decision:
    """Decide a call of a live token at `resource`, which its audience names already."""
    denied = _principal(alive, call) or _scope(alive, resource, call)
    if denied is not None:
        return Decision(denied)
    if not call.objects:
        return Decision(None)
    if call.relation is None:
        return Decision(Denied(Reason.USER_RELATION, "no relation named"))
    if not all(resource.owns(name) for name in call.objects):
        return Decision(Denied(Reason.USER_RELATION, "object not of this resource"))
    return await _objects(core, alive, resource, call, call.relation)


def _principal(alive: Standing, call: Call) -> Denied | None:
    kind = alive.record.kind
    accepted = (
        kind is TokenKind.DELEGATED
        or (kind is TokenKind.AGENT_SELF and "agent" in call.principals)
        or (kind is TokenKind.USER and "user" in call.principals)
    )
    return None if accepted else Denied(Reason.PRINCIPAL_NOT_ACCEPTED, kind.value)


def _scope(alive: Standing, resource: Resource, call: Call) -> Denied | None:
    """Compare with the token, then with what is in force now: both may have shrunk since."""
    if not call.scopes or not call.scopes <= frozenset(alive.record.scope.split()):
        return Denied(Reason.INSUFFICIENT_SCOPE)
    if not call.scopes <= frozenset(resource.scopes):
        return Denied(Reason.INSUFFICIENT_SCOPE, "scope of another resource")
    for agent in alive.agents:
        if resource.id not in agent.ceiling.resources:
            return Denied(Reason.CEILING_RESOURCE, agent.id)
        if not call.scopes <= resource.closed(agent.ceiling.scopes):
            return Denied(Reason.CEILING_SCOPE, agent.id)
    for row in alive.path:
        leaf = alive.path[-1]
        held = leaf.scopes_at(resource.id) if row is leaf else row.reach(resource.id, leaf.via)
        if not call.scopes <= held:
            return Denied(Reason.CONSENT_SCOPE, row.id)
    return None


Legs: TypeAlias = list[tuple[Reason, list[Query]]]
"""What one object needs: each holds if any of its queries does."""


async def _objects(
    core: Core, alive: Standing, resource: Resource, call: Call, relation: str
) -> Decision:
    """Check relation, consent and ceilings of all objects, in as few questions as it takes."""
    legs = [_legs(alive, resource, call, relation, name) for name in call.objects]
    truth: dict[Query, bool | CheckError] = {}
    try:
        for queries in _batches(legs):
            truth |= zip(queries, await core.graph.check_many(queries), strict=True)
    except Exception as error:  # noqa: BLE001 - whatever fails, the answer is no
        return Decision(Denied(Reason.CHECKER_UNAVAILABLE, type(error).__name__))
    verdicts: list[tuple[str, Denied | None]] = []
    for name, per_object in zip(call.objects, legs, strict=True):
        verdict = next(
            (
                Denied(reason)
                for reason, options in per_object
                if not any(truth[query] is True for query in options)
            ),
            None,
        )
        verdicts.append((name, verdict))
    first = next((verdict for _, verdict in verdicts if verdict is not None), None)
    return Decision(first, tuple(verdicts))


def _batches(legs: Sequence[Legs]) -> Iterator[list[Query]]:
    """Yield the queries in batches that the graph takes; those of one object stay together."""
    batch: list[Query] = []
    for per_object in legs:
        queries = [query for _, options in per_object for query in options]
        if batch and len(batch) + len(queries) > MAX_CHECKS_PER_BATCH:
            yield batch
            batch = []
        batch += queries
    yield batch


def relation_subject(alive: Standing) -> str:
    """Return whose own relations count: the person's, or those of an agent as itself."""
    kind = "agent" if alive.record.kind is TokenKind.AGENT_SELF else "user"
    return f"{kind}:{alive.record.sub}"


def _legs(alive: Standing, resource: Resource, call: Call, relation: str, name: str) -> Legs:
    """List the legs of one object; each holds if any of its queries does."""
    held = Query(relation_subject(alive), relation, name)
    legs: Legs = [(Reason.USER_RELATION, [held])]
    legs += [
        # Every row of the path must cover the object, so a parent's narrowing binds its children.
        (
            Reason.CONSENT_OBJECT,
            [
                Query(consent_subject(row.id, number), "consented", name)
                for number, detail in enumerate(row.details)
                if detail.resource == resource.id and call.scopes <= detail.scopes
            ],
        )
        for row in alive.path
        # Whatever the person may reach: the leg above asks just that.
        if not row.everything_at(resource.id, call.scopes)
    ]
    legs += [
        (Reason.CEILING_OBJECT, [Query(f"agent:{agent.id}", "ceiling", name)])
        for agent in alive.agents
        if agent.ceiling.object_roots
    ]
    return legs
