"""The call that a guarded tool is answering: for whom, by which agents, under which delegation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mcp_tools.decision import Decision
from mcp_tools.relations import Relations
from mcp_tools.rule import Ask, ObjectRef
from mcp_tools.verifier import VerifiedToken

if TYPE_CHECKING:
    from mcp_tools.downstream import Downstream


class Decider(Protocol):
    """Who says whether calls may go on."""

    @property
    def decides_objects(self) -> bool:
        """False: a rule that names an object is always refused (offline)."""
        ...

    async def decide(self, token: VerifiedToken, asks: Sequence[Ask]) -> list[Decision]:
        """Decide each, in order. Never raises: what cannot be decided is denied."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request whose token the edge believed. Nothing about an object is decided yet."""

    token: VerifiedToken
    decider: Decider
    relations: Relations | None
    downstream: "Downstream | None" = None
    """How this server goes on to others, if it has credentials."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that Mandate allowed."""

    sub: str
    """The user (`usr_…`), or the agent that comes as itself (`agt_…`)."""
    agents: tuple[str, ...]
    """The actor chain, current agent first."""
    client_id: str
    grant_id: str | None
    scopes: frozenset[str]
    expires_at: int
    """When the token ends, Unix milliseconds."""
    objects: tuple[ObjectRef, ...]
    """The objects that were decided, in the order of the guard's templates."""
    evaluation_id: str | None
    """Mandate's audit record of the decision; None offline."""
    _token: VerifiedToken = field(repr=False)
    _relations: Relations | None = field(repr=False)

    @property
    def principal(self) -> str:
        """The subject in the relationship graph: `user:usr_…` or `agent:agt_…`."""
        kind = "agent" if self._token.is_agent_itself else "user"
        return f"{kind}:{self.sub}"

    @property
    def relations(self) -> "RelationsOfCall":
        """The tuples of this server's own types, written on behalf of this call (X12)."""
        if self._relations is None:
            raise LookupError("an offline server has no credentials to write relationships with")
        return RelationsOfCall(self._relations, self._token)


@dataclass(frozen=True, slots=True)
class RelationsOfCall:
    """A relations client that says on whose behalf: what it writes is the delegation's effect."""

    _relations: Relations
    _token: VerifiedToken = field(repr=False)

    async def write(
        self,
        writes: list[tuple[str, str, str]] | None = None,
        deletes: list[tuple[str, str, str]] | None = None,
        labels: dict[str, str] | None = None,
    ) -> str:
        """Write `(user, relation, object)` tuples, as `Relations.write`."""
        token = self._token
        return await self._relations.write(writes, deletes, labels, token=token.raw, jkt=token.jkt)


_ADMITTED: ContextVar[Admitted | None] = ContextVar("mandate_admitted", default=None)
_CALL: ContextVar[Call | None] = ContextVar("mandate_call", default=None)


def admitted() -> Admitted | None:
    """Return what the edge believed about the current request, None outside a protected server."""
    return _ADMITTED.get()


def current_call() -> Call:
    """Return the allowed call that the running tool answers; raises `LookupError` elsewhere."""
    call = _CALL.get()
    if call is None:
        raise LookupError("no guarded tool is running here")
    return call


@contextmanager
def admitting(request: Admitted) -> Iterator[None]:
    """Make `request` the current one (the edge)."""
    reset = _ADMITTED.set(request)
    try:
        yield
    finally:
        _ADMITTED.reset(reset)


@contextmanager
def answering(call: Call) -> Iterator[None]:
    """Make `call` the current one (the guard)."""
    reset = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(reset)
