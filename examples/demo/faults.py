"""Checks of the server, each turned off by replacing one function; and which step must notice.

Nothing here is a switch of the product: `faulty.py` puts a fault in before it starts `mandate`.
"""
# A fault reaches into the server at start-up, imports only the part that it breaks, and stands in
# for a function whose arguments it has no use for.
# ruff: noqa: ARG001, ARG005, PLC0415, SLF001
# mypy: disable-error-code="method-assign,assignment,attr-defined"

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

Replacer = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A check that is off. `step` is the first step of the story that must come out otherwise."""

    check: str
    step: str
    install: Replacer


def _offered_is_taken() -> None:
    from server.web.routes import consent

    true = consent._picks
    consent._picks = lambda form: _all_scopes(true(form))


def _all_scopes(picks: Any) -> Any:
    return replace(picks, scopes=picks.scopes | {"docs:delete", "notes:write"})


def _no_actor_token() -> None:
    from server.protocol.grants import token_exchange

    true = token_exchange.read_actor

    async def read_actor(context: Any, request: Any, agent: Any) -> Any:
        if "actor_token" in request.form:
            return await true(context, request, agent)
        return await token_exchange.read_subject(context, request)

    token_exchange.read_actor = read_actor


def _any_actor() -> None:
    from server.protocol.grants import subject, token_exchange

    async def read_actor(context: Any, request: Any, agent: Any) -> Any:
        presented: Any = await subject._read(context, request, "actor_token")
        if isinstance(presented, subject.Refused):
            return presented
        return await subject.standing(context.core, presented.record, request.now)

    token_exchange.read_actor = read_actor


def _any_presenter() -> None:
    from server.protocol.grants import subject

    subject._may_present = lambda core, request, record: True


def _scope_as_asked() -> None:
    from server.protocol.grants import token_exchange

    def scope(request: Any, subject: Any, authority: Any, resource: Any, wanted: Any) -> Any:
        return wanted & frozenset(resource.scopes)

    token_exchange._scope = scope


def _refresh_scope() -> None:
    from server.protocol.grants import refresh_token

    true = refresh_token.yield_of

    async def yield_of(
        core: Any, request: Any, granted: Any, wanted: Any, *, issued_at: int
    ) -> Any:
        wider = " ".join({*granted.scope.split(), *(wanted or ())})
        return await true(core, request, replace(granted, scope=wider), wanted, issued_at=issued_at)

    refresh_token.yield_of = yield_of


def _codes_again() -> None:
    from server.storage.tokens import Codes

    true = Codes.get

    def get(self: Any, tx: Any, code_hash: str) -> Any:
        code = true(self, tx, code_hash)
        if code is None or code.used_at is None:
            return code
        return replace(code, used_at=None, family_id=f"{code.family_id}x")

    Codes.get = get
    Codes.consume = lambda *_: True


def _no_verifier() -> None:
    from server.protocol.grants import authorization_code

    authorization_code.verifier_fits = lambda *_: True


def _any_hop() -> None:
    _every_row(lambda row: replace(row, max_depth=9))


class _Everybody(tuple[str, ...]):
    """A list of names that has every name in it."""

    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


def _any_helper() -> None:
    _every_row(lambda row: replace(row, allow_agents=_Everybody(row.allow_agents)))


def _every_row(change: Callable[[Any], Any]) -> None:
    from server.storage import delegations

    true = delegations.delegation_value
    delegations.delegation_value = lambda row: change(true(row))


def _revoked_lives() -> None:
    from server.delegation import standing

    true = standing._row_standing

    async def row_standing(core: Any, row: Any, now: int, depends: Any) -> Any:
        return await true(core, replace(row, revoked_at=None), now, depends)

    standing._row_standing = row_standing


def _agent_lives() -> None:
    from server.delegation import standing

    standing._agent_standing = lambda agent, issued_at: None


def _person_lives() -> None:
    from server.domain.people import UserStatus
    from server.domain.snapshot import Snapshot

    true = Snapshot.user

    async def user(self: Any, user_id: str) -> Any:
        found = await true(self, user_id)
        return found and replace(found, status=UserStatus.ACTIVE)

    Snapshot.user = user


def _without_leg(reason: str) -> None:
    from server.delegation import decision

    true = decision._legs
    decision._legs = lambda *given: [leg for leg in true(*given) if leg[0] != reason]


def _no_ceiling() -> None:
    from server.delegation import decision

    true = decision._scope
    decision._scope = lambda alive, *rest: true(replace(alive, agents=()), *rest)


def _any_audience() -> None:
    from server.protocol import evaluation

    true = evaluation.Evaluation._decide

    async def decide(self: Any, resource: Any, question: Any) -> Any:
        presented: Any = await self._reader.read(question.token)
        audience = getattr(getattr(presented, "record", None), "audience", resource.id)
        return await true(self, replace(resource, id=audience), question)

    evaluation.Evaluation._decide = decide


def _believed_cache() -> None:
    from server.domain.snapshot import Snapshot

    Snapshot._forget = lambda self, changes: None


def _no_sealing() -> None:
    from server.signals import audit_seal

    async def seal(self: Any, *, batches: int | None = None) -> int:
        return 0

    audit_seal.Sealer.seal = seal


def _empty_seals() -> None:
    from server.signals import audit_seal, audit_verify

    def body(row: Any, seq: int) -> bytes:
        return seq.to_bytes(8, "big")

    audit_seal.body = audit_verify.body = body


def _unsigned_heads() -> None:
    from server.signals import audit_verify

    def head(self: Any, head: Any) -> None:
        if self._suspect is not None:
            raise self._suspect
        self._proven, self._newest, self._batch_from = self._seq, head.signature, self._seq + 1
        self._leaves.clear()

    audit_verify.TrailCheck._head = head


FAULTS = {
    "consent": Fault("what the person left off stays off", "consent.narrowed", _offered_is_taken),
    "actor-token": Fault("an actor token is required (X2)", "attack.no_actor", _no_actor_token),
    "actor-owner": Fault("the actor is the client's own (X2)", "attack.foreign_actor", _any_actor),
    "presenter": Fault("who may present a token (X3)", "attack.server", _any_presenter),
    "scope": Fault("scopes are intersected (X6)", "limits.step_up", _scope_as_asked),
    "refresh-scope": Fault("refresh never widens (X13)", "attack.refresh", _refresh_scope),
    "code-once": Fault("a code is used once", "attack.code.replay", _codes_again),
    "pkce": Fault("the PKCE verifier fits", "attack.code.verifier", _no_verifier),
    "hop": Fault("no hop beyond the consent (X4)", "hop.beyond", _any_hop),
    "helper": Fault("only named agents get work (X4)", "injection.hand_over", _any_helper),
    "liveness": Fault("what is revoked is dead (X11)", "revoke.quill.worker_1", _revoked_lives),
    "agent": Fault("a suspended agent is dead (X11)", "leg.agent", _agent_lives),
    "person": Fault("a disabled person's agents stop (X11)", "leg.person", _person_lives),
    "consent-object": Fault(
        "the consent covers the object (X11)", "limits.folder",
        lambda: _without_leg("consent_object"),
    ),
    "user-relation": Fault(
        "the person has the relation (X11)", "people.stranger",
        lambda: _without_leg("user_relation"),
    ),
    "ceiling": Fault("no call above the ceiling (X11)", "leg.ceiling", _no_ceiling),
    "audience": Fault(
        "a server asks about its own tokens (X11)", "limits.audience_at_mandate", _any_audience
    ),
    "caches": Fault("what changed is not believed from a cache", "leg.ceiling", _believed_cache),
    "sealing": Fault("audit rows are sealed", "audit.verify", _no_sealing),
    "seal-content": Fault("a seal covers its row", "audit.edit", _empty_seals),
    "heads": Fault("heads of the trail are checked", "audit.rehash", _unsigned_heads),
}  # fmt: skip
