"""POST /access/v1/relations: a resource server writes tuples of its own types (X12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authz.decision import Advice, Denied, advice
from authz.errors import AuthzError
from authz.relations import RelationTuple
from server.delegation.standing import Standing, standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Effect, only_ours
from server.domain.refusal import Refused, invalid_request
from server.domain.registry import Client, Resource
from server.domain.tokens import TokenKind
from server.domain.unit import Unit
from server.protocol.evaluation import own_resource
from server.protocol.presented import TokenReader

MAX_TUPLES = 100
MAX_LABEL = 200
_PEOPLE = frozenset({"user", "agent", "consent"})

Tuple = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A parsed request: tuples as (user, relation, object)."""

    writes: list[Tuple]
    deletes: list[Tuple]
    labels: dict[str, str]
    token: str | None


class RelationsApi:
    """Writes tuples, in one unit with their audit and, for a delegated call, their effects."""

    def __init__(self, core: Core, reader: TokenReader) -> None:
        """Read presented tokens with `reader`."""
        self._core = core
        self._reader = reader

    async def answer(self, caller: Client, body: Any) -> Mapping[str, object] | Refused:
        """Write, and return the store's revision.

        Raises `UnavailableError`, and `StaleSnapshotError` when the caller, its resource or what
        the token rests on has changed meanwhile: both are 503, to be tried again.
        """
        core = self._core
        writing = parse(body)
        if isinstance(writing, Refused):
            return writing
        snapshot = await core.snapshot.refresh()
        resource = await own_resource(core, caller)
        if isinstance(resource, Refused):
            return resource
        foreign = _foreign(resource, writing)
        if foreign is not None:
            return await self._refuse(caller, resource, writing, foreign)
        behalf = await self._behalf(resource, writing.token)
        if isinstance(behalf, Refused):
            return await self._refuse(caller, resource, writing, behalf)
        if behalf is not None and _shares(behalf, resource, writing):
            refused = Refused(
                error="sharing_not_consented",
                reason="sharing_not_consented",
                description="The consent does not allow giving rights to others.",
                status=403,
            )
            return await self._refuse(caller, resource, writing, refused, behalf)
        believed = frozenset({("client", caller.id), ("resource", resource.id)})
        if behalf is not None:
            believed |= behalf.depends

        def unit(tx: Unit) -> int:
            tx.guard(snapshot, believed)
            return self._unit(tx, caller, resource, writing, behalf)

        try:
            revision = await core.store.write(unit)
        except AuthzError as error:
            return invalid_request("tuple_refused", _plain(str(error)))
        return {"revision": str(revision)}

    async def _refuse(
        self,
        caller: Client,
        resource: Resource,
        writing: Writing,
        refused: Refused,
        behalf: Standing | None = None,
    ) -> Refused:
        """Write down what a resource server was refused (DESIGN 3.4)."""
        core = self._core
        event = _event(
            caller, resource, writing, behalf,
            outcome=Outcome.REFUSED, reason=refused.reason, at=core.clock.now(),
        )  # fmt: skip
        await core.store.write(lambda tx: core.rows.audit.record(tx, event))
        return refused

    async def _behalf(self, resource: Resource, token: str | None) -> Standing | Refused | None:
        """Return the live delegated call for which tuples are written, if a token was sent."""
        if token is None:
            return None
        presented = await self._reader.read(token)
        denied: Denied | None = presented if isinstance(presented, Denied) else None
        if not isinstance(presented, Denied) and presented.record.audience == resource.id:
            alive = await standing(self._core, presented.record, self._core.clock.now())
            if not isinstance(alive, Denied):
                return alive
            denied = alive
        reason = denied.reason.value if denied is not None else "wrong_audience"
        return Refused(
            error="access_denied",
            reason=reason,
            description="The token does not allow this.",
            status=403,
            advice=Advice.STOP if denied is None else advice(denied.reason),
        )

    def _unit(
        self,
        tx: Unit,
        caller: Client,
        resource: Resource,
        writing: Writing,
        behalf: Standing | None,
    ) -> int:
        core, now = self._core, self._core.clock.now()
        revision = core.relations.write(
            tx,
            [RelationTuple(*t) for t in writing.writes],
            [RelationTuple(*t) for t in writing.deletes],
            on_duplicate="ignore",
            on_missing="ignore",
        )
        if writing.labels:
            core.rows.resources.label(tx, resource.id, writing.labels)
        grant_id = behalf.record.grant_id if behalf is not None else None
        if grant_id is not None and writing.writes:
            # What was there before is no effect of this call: undoing it would take a right away
            # that the call never gave.
            new = {
                (change.key.user, change.key.relation, change.key.object)
                for change in core.relations.changes(tx, revision - 1, 2 * MAX_TUPLES)
                if change.revision == revision and not change.deleted
            }
            core.rows.effects.add(
                tx,
                [
                    Effect(
                        id=core.entropy.id("eff"),
                        grant_id=grant_id,
                        resource_id=resource.id,
                        subject=user,
                        relation=relation,
                        object=name,
                        created_at=now,
                    )
                    for user, relation, name in writing.writes
                    if (user, relation, name) in new
                ],
            )
        event = _event(caller, resource, writing, behalf, outcome=Outcome.DONE, reason=None, at=now)
        core.rows.audit.record(tx, event)
        return revision


def _event(
    caller: Client,
    resource: Resource,
    writing: Writing,
    behalf: Standing | None,
    *,
    outcome: Outcome,
    reason: str | None,
    at: int,
) -> AuditRecord:
    """Tell who wrote, or wanted to write, what; a name for the consent page as well."""
    touched = {t[2] for t in (*writing.writes, *writing.deletes)}
    return AuditRecord(
        tag=AuditTag.RELATIONS,
        outcome=outcome,
        reason=reason,
        at=at,
        user_id=behalf.record.sub if behalf is not None and behalf.user else None,
        agents=behalf.chain if behalf is not None else (),
        client_id=caller.id,
        grant_id=behalf.record.grant_id if behalf is not None else None,
        resource=resource.id,
        object=" ".join(sorted(touched | writing.labels.keys())),
        detail={
            "written": " ".join("|".join(t) for t in writing.writes),
            "deleted": " ".join("|".join(t) for t in writing.deletes),
            "named": " ".join(sorted(writing.labels)),
        },
    )


def _foreign(resource: Resource, writing: Writing) -> Refused | None:
    """Refuse objects of other resources, and the relations that only Mandate writes."""
    tuples = (*writing.writes, *writing.deletes)
    named = {name for _, _, name in tuples} | writing.labels.keys()
    if not all(resource.owns(name) for name in named):
        return Refused(
            error="access_denied",
            reason="foreign_type",
            description="An object does not belong to this resource.",
            status=403,
        )
    if any(only_ours(user, relation) for user, relation, _ in tuples):
        return Refused(
            error="access_denied",
            reason="reserved_relation",
            description="Consent and ceilings are not written here.",
            status=403,
        )
    return None


def _shares(behalf: Standing, resource: Resource, writing: Writing) -> bool:
    """X12: a delegated call gives rights to nobody but its own user, unless consented.

    Links between objects (a document's folder) give rights as well, to whoever holds the
    parent; they stay among the objects of the resource and were decided by the call itself.
    """
    if behalf.record.kind is TokenKind.USER:
        # The person herself, without an agent: X12 binds delegated calls.
        return False
    if behalf.record.kind is TokenKind.DELEGATED and all(r.allow_sharing for r in behalf.path):
        return False
    own = f"user:{behalf.record.sub}"
    return any(user != own and not _is_thing(user, resource) for user, _, _ in writing.writes)


def _is_thing(user: str, resource: Resource) -> bool:
    """Tell whether the user of a tuple is an object of this resource and stands for nobody.

    Everybody (`user:*`) and whoever has a relation to something (`team:1#member`) are people.
    """
    kind, _, rest = user.partition(":")
    ours = kind in _PEOPLE or kind.startswith("mandate/")
    return kind in resource.types and not ours and "#" not in rest and rest != "*"


def _plain(text: str) -> str:
    """Keep what RFC 6749 §5.2 lets a description hold; names of the caller stand in it."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in text[:200])


def parse(body: Any) -> Writing | Refused:
    """Check the shape of a request."""
    malformed = invalid_request("malformed", "The request is malformed.")
    try:
        if set(body) - {"writes", "deletes", "labels", "token"}:
            return malformed
        writes, deletes = _tuples(body.get("writes", [])), _tuples(body.get("deletes", []))
        labels, token = body.get("labels", {}), body.get("token")
        fits = (
            type(labels) is dict
            and len(writes) + len(deletes) + len(labels) > 0
            and len(writes) + len(deletes) <= MAX_TUPLES
            and len(labels) <= MAX_TUPLES
            and all(
                type(v) is str and 0 < len(v) <= MAX_LABEL and ":" in k for k, v in labels.items()
            )
            and ("token" not in body or type(token) is str)
        )
    except (KeyError, TypeError, ValueError):
        return malformed
    if not fits:
        return malformed
    return Writing(writes=writes, deletes=deletes, labels=labels, token=token)


def _tuples(listed: Any) -> list[Tuple]:
    if type(listed) is not list:
        raise ValueError
    result = []
    for item in listed:
        parts = (item["user"], item["relation"], item["object"])
        if set(item) != {"user", "relation", "object"} or not all(
            type(part) is str and 0 < len(part) <= 512 for part in parts
        ):
            raise ValueError
        result.append(parts)
    return result
