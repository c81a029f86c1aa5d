"""Caches that cannot lie (DESIGN 3.6): registered things by id, exact as of each request.

Every request first reads the newest security change and drops the entries that it names, so a
revocation that any worker acknowledged is seen by all from the next request on. Nothing negative
is cached, therefore creations need no announcement.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from authz.tx import Tx
from server.domain.delegation import Delegation
from server.domain.issuers import TrustedIssuer
from server.domain.people import Session, User
from server.domain.ports import Repositories
from server.domain.registry import Agent, Client, Resource
from server.domain.resource_uri import other_form
from server.domain.tokens import TokenRecord
from server.domain.unit import Store

V = TypeVar("V")

FORGET_ALL_AFTER = 10_000
"""So many changes at once cost more to apply than to reload."""


class _Cache(Generic[V]):
    """The entries of one kind, least recently used first."""

    __slots__ = ("_bound", "_entries", "_load", "hits", "misses")

    def __init__(self, load: Callable[[Tx, str], V | None], bound: int) -> None:
        self._load = load
        self._bound = bound
        self._entries: OrderedDict[str, V] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def hit(self, entry_id: str) -> V | None:
        value = self._entries.get(entry_id)
        if value is None:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end(entry_id)
        return value

    def load(self, tx: Tx, entry_id: str) -> V | None:
        return self._load(tx, entry_id)

    def keep(self, entry_id: str, value: V) -> None:
        self._entries[entry_id] = value
        if len(self._entries) > self._bound:
            self._entries.popitem(last=False)

    def drop(self, entry_id: str) -> None:
        self._entries.pop(entry_id, None)

    def clear(self) -> None:
        self._entries.clear()


class Snapshot:
    """The registry as of `revision`. Call `refresh` once at the start of each request."""

    def __init__(
        self,
        store: Store,
        rows: Repositories,
        changes_since: Callable[[Tx, int, int], tuple[int, list[tuple[str, str]]]],
        *,
        bound: int = 20_000,
    ) -> None:
        """Cache at most `bound` entries a kind."""
        self._store = store
        self._changes_since = changes_since
        self.revision = -1
        self._drops = 0
        self._clients: _Cache[Client] = _Cache(rows.clients.get, bound)
        self._agents: _Cache[Agent] = _Cache(rows.agents.get, bound)
        self._resources: _Cache[Resource] = _Cache(rows.resources.get, bound)
        self._users: _Cache[User] = _Cache(rows.users.get, bound)
        self._sessions: _Cache[Session] = _Cache(rows.sessions.get, bound)
        self._delegations: _Cache[Delegation] = _Cache(rows.delegations.get, bound)
        self._tokens: _Cache[TokenRecord] = _Cache(rows.tokens.get, bound)
        self._issuers: _Cache[TrustedIssuer] = _Cache(rows.issuers.get, bound)
        self._kinds: dict[str, _Cache[Any]] = {
            "client": self._clients,
            "agent": self._agents,
            "resource": self._resources,
            "user": self._users,
            "session": self._sessions,
            "delegation": self._delegations,
            "token": self._tokens,
            "issuer": self._issuers,
        }
        self._listeners: dict[str, list[Callable[[str], None]]] = {}
        self._reloaders: list[tuple[str, Callable[[], Awaitable[None]]]] = []

    def reload_on(self, kind: str, reload: Callable[[], Awaitable[None]]) -> None:
        """Await `reload` whenever an entry of `kind` changed, before `refresh` returns."""
        self._reloaders.append((kind, reload))

    def on_change(self, kind: str, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id whenever an entry of `kind` changed (`*`: all did)."""
        self._listeners.setdefault(kind, []).append(listener)

    def usage(self) -> dict[str, tuple[int, int]]:
        """Return how often each kind was found and was not found, since the start."""
        return {kind: (cache.hits, cache.misses) for kind, cache in self._kinds.items()}

    async def refresh(self) -> int:
        """Catch up with every committed change and return the revision reached."""
        head = await self._store.revision()
        if head == self.revision:
            return head
        after = self.revision  # may move while we wait for the database
        reached, changes = await self._store.read(
            lambda tx: self._changes_since(tx, after, FORGET_ALL_AFTER)
        )
        self._drops += 1
        # Too many, or some were purged before we saw them, or the database was put back from a
        # backup and what we know never happened.
        unknown = len(changes) >= FORGET_ALL_AFTER or len(changes) != reached - after
        if after < 0 or unknown:
            self._forget_all()
        else:
            self._forget(changes)
        kinds = {kind for kind, _ in changes}
        for kind, reload in self._reloaders:
            if after < 0 or unknown or kind in kinds:
                await reload()
        # Only now: who sees this revision may rely on all that was reloaded for it.
        self.revision = reached if reached < after else max(self.revision, reached)
        return self.revision

    def _forget(self, changes: list[tuple[str, str]]) -> None:
        for kind, entry_id in changes:
            if (cache := self._kinds.get(kind)) is not None:
                cache.drop(entry_id)
            for listener in self._listeners.get(kind, ()):
                listener(entry_id)

    def _forget_all(self) -> None:
        for cache in self._kinds.values():
            cache.clear()
        for listeners in self._listeners.values():
            for listener in listeners:
                listener("*")

    async def _load(self, cache: _Cache[V], entry_id: str) -> V | None:
        drops = self._drops
        value = await self._store.read_row(lambda tx: cache.load(tx, entry_id))
        # A value read before a drop may be the dropped one: use it, but do not keep it.
        if value is not None and drops == self._drops:
            cache.keep(entry_id, value)
        return value

    async def client(self, client_id: str) -> Client | None:
        """Return a client, or none."""
        if (found := self._clients.hit(client_id)) is not None:
            return found
        return await self._load(self._clients, client_id)

    async def agent(self, agent_id: str) -> Agent | None:
        """Return an agent, or none."""
        if (found := self._agents.hit(agent_id)) is not None:
            return found
        return await self._load(self._agents, agent_id)

    async def resource(self, resource_id: str) -> Resource | None:
        """Return a resource, or none; a bare origin is found with its slash and without."""
        if (found := self._resources.hit(resource_id)) is not None:
            return found
        loaded = await self._load(self._resources, resource_id)
        other = other_form(resource_id) if loaded is None else None
        if other is None or (found := self._resources.hit(other)) is not None:
            return loaded if other is None else found
        return await self._load(self._resources, other)

    async def user(self, user_id: str) -> User | None:
        """Return a person, or none."""
        if (found := self._users.hit(user_id)) is not None:
            return found
        return await self._load(self._users, user_id)

    async def session(self, sid: str) -> Session | None:
        """Return a session, ended or not, or none."""
        if (found := self._sessions.hit(sid)) is not None:
            return found
        return await self._load(self._sessions, sid)

    async def delegation(self, grant_id: str) -> Delegation | None:
        """Return a delegation, dead or alive, or none."""
        if (found := self._delegations.hit(grant_id)) is not None:
            return found
        return await self._load(self._delegations, grant_id)

    async def token(self, jti: str) -> TokenRecord | None:
        """Return the record of a token, or none if we never minted it."""
        if (found := self._tokens.hit(jti)) is not None:
            return found
        return await self._load(self._tokens, jti)

    async def issuer(self, issuer_id: str) -> TrustedIssuer | None:
        """Return a trusted issuer, or none."""
        if (found := self._issuers.hit(issuer_id)) is not None:
            return found
        return await self._load(self._issuers, issuer_id)
