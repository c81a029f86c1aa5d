"""What is registered: clients, agents with their ceilings, resources with their scopes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from authz.resources import is_of


class Status(StrEnum):
    """Whether a registered principal may act."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class ClientAuth(StrEnum):
    """How a client authenticates at the token endpoint (RFC 8414 §2)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"
    WORKLOAD = "workload_identity"
    """Ours: by the token of its platform alone, as a trusted issuer's rules say; no credential."""


class GrantType(StrEnum):
    """The grants that a client may be allowed."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
    JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Origin(StrEnum):
    """Where a client that registered itself comes from."""

    DOCUMENT = "document"
    """Its id is the URL of a Client ID Metadata Document."""
    DYNAMIC = "dynamic"
    """It registered dynamically (RFC 7591)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfRegistered:
    """How a client that no administrator registered came here; times in Unix ms."""

    origin: Origin
    declared: frozenset[str] | None = None
    """The only scopes that it wants to be able to ask for, if it said so."""
    fetched_at: int = 0
    """When its document was last known to be good."""
    fresh_until: int = 0
    """Until when that document need not be looked at again."""
    changed_at: int = 0
    """When its name, addresses or authentication changed last: older consents are not silent."""
    must_bind: bool = False
    """An administrator demands bound tokens of it (RFC 9449 §5.2), whatever it says of itself."""
    logo_uri: str | None = None
    """Where its document says that its picture is; only with a document."""
    withheld: bool = False
    """Suspended by the trust policy, which may let it in again; not by an administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An OAuth client (RFC 6749 §2). It may belong to an agent or be a resource's own client.

    The link to an agent never changes: another agent means another client (X2).
    """

    id: str
    name: str
    auth: ClientAuth
    secret_hash: str | None = None
    jwks: str | None = None
    jwks_uri: str | None = None
    assertion_audience: str | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: frozenset[GrantType] = frozenset()
    scopes: frozenset[str] = frozenset()
    agent_id: str | None = None
    resource_id: str | None = None
    may_impersonate: bool = False
    may_introspect: bool = False
    rotate_refresh: bool = False
    require_par: bool = False
    dpop_bound_access_tokens: bool = False
    """Gets no token without a proof of a key (RFC 9449 §5.2)."""
    first_party: bool = False
    """Ours: uses resources as the person's own tool, so that no agent stands for it."""
    id_token_alg: str = "ES256"
    by_itself: SelfRegistered | None = None
    """Set for a client that registered itself: nobody here has checked what it says."""
    status: Status = Status.ACTIVE
    created_at: int = 0

    @property
    def is_document(self) -> bool:
        """Tell whether its id is the URL of its metadata document."""
        return self.by_itself is not None and self.by_itself.origin is Origin.DOCUMENT

    @property
    def confidential(self) -> bool:
        """Tell whether the client can keep a credential."""
        return self.auth is not ClientAuth.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most that an agent may ever hold, whatever anyone consents to.

    `object_roots` are graph objects such as `folder:team`; none means no bound on objects.
    """

    scopes: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    object_roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A registered software principal. A provisional one stands for an unregistered client."""

    id: str
    name: str
    owner_id: str | None
    purpose: str = ""
    model: str = ""
    version: str = ""
    ceiling: Ceiling = field(default_factory=Ceiling)
    status: Status = Status.ACTIVE
    not_before: int = 0
    """Tokens issued to the agent before this time (Unix ms) are dead."""
    provisional: bool = False
    created_at: int = 0


def agent_uri(issuer: str, agent_id: str) -> str:
    """Return the audience that names an agent (`<issuer>/agents/<id>`)."""
    return f"{issuer}/agents/{agent_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One permission of a resource, in the words that a person reads."""

    name: str
    description: str
    agent_own: bool = False
    """An agent may hold it as itself, through client_credentials (X8)."""
    default: bool = False
    """Granted when a client asks for no scope at all (X6)."""
    destructive: bool = False
    """Never ticked beforehand on the consent page."""
    person_only: bool = False
    """Good in a person's own token alone: no agent ever holds it (X10)."""
    includes: frozenset[str] = frozenset()
    """Scopes of the same resource that come with it: who may change may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool of an MCP server, in a person's words, and the scopes that a call of it needs."""

    name: str
    title: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickable:
    """Objects that a user may choose at consent: those of `type` on which they hold `relation`."""

    type: str
    relation: str
    label: str
    contains: bool = False
    """Picking one covers everything inside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A visible way on: who holds `scope` here may get `to_scope` at `to_resource` (X6)."""

    scope: str
    to_resource: str
    to_scope: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """An API or MCP server, named by its RFC 8707 URI; it owns its scopes and object types.

    Without slots, so that what follows from its scopes is worked out once and kept with it.
    """

    id: str
    name: str
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    types: frozenset[str] = frozenset()
    pickable: tuple[Pickable, ...] = ()
    edges: tuple[Edge, ...] = ()
    tools: tuple[Tool, ...] = ()
    token_ttl: int = 300
    """Lifetime of its access tokens in seconds."""
    alg: str = "ES256"
    model: str = ""
    """The resource's module of the authorization model (OpenFGA DSL)."""
    created_at: int = 0

    def owns(self, object: str) -> bool:
        """Tell whether an object is this resource's: of its types, itself, or a tool of it."""
        return object.partition(":")[0] in self.types or is_of(object, self.id)

    def closed(self, scopes: frozenset[str]) -> frozenset[str]:
        """Return the scopes with all that they include, so that each server may compare exactly."""
        return scopes.union(*(self._included[s] for s in scopes if s in self._included))

    @cached_property
    def _included(self) -> Mapping[str, frozenset[str]]:
        """What comes with each scope, over every step; scopes that include nothing are left out."""
        return {name: self._below(s) for name, s in self.scopes.items() if s.includes}

    def _below(self, scope: Scope) -> frozenset[str]:
        found: set[str] = set()
        waiting = [scope]
        while waiting:
            new = waiting.pop().includes - found
            found |= new
            waiting += [self.scopes[name] for name in new if name in self.scopes]
        return frozenset(found)

    def for_agents(self, scopes: frozenset[str]) -> frozenset[str]:
        """Return the scopes that an agent may hold at all."""
        return scopes - self._of_persons

    @cached_property
    def _of_persons(self) -> frozenset[str]:
        return frozenset(s.name for s in self.scopes.values() if s.person_only)

    @cached_property
    def agent_own(self) -> frozenset[str]:
        """The scopes that an agent may hold as itself (X8)."""
        return frozenset(s.name for s in self.scopes.values() if s.agent_own)

    def whole(self, scopes: frozenset[str], held: frozenset[str]) -> frozenset[str]:
        """Return those of `scopes` that lost nothing which they include and which was `held`."""
        return frozenset(s for s in scopes if self.closed(frozenset({s})) & held <= scopes)

    @cached_property
    def default_scopes(self) -> frozenset[str]:
        """The scopes of a request that names none."""
        return frozenset(s.name for s in self.scopes.values() if s.default)
