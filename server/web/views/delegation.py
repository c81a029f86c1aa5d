"""The page "My agents" and that of one delegation, for its person or an administrator."""

from dataclasses import dataclass
from typing import Final, Literal

from server.web.views.frame import ONE_PAGE, AgentBadge, Frame, Paging

#: Posted more than once by the narrow form and the preview (`forms.read_form(repeatable=…)`).
NARROW_REPEATABLE: Final = ("keep_scope", "keep_object", "keep_hand_over", "keep_downstream")
PREVIEW_REPEATABLE: Final = ("undo",)

DelegationStatus = Literal["live", "paused", "expired", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationRow:
    """One delegation in a list.

    `url`: its page. `person`: the delegator's e-mail (admin lists only, else ""). `services`:
    names of the resources. `status`: "paused" when its agent is suspended. Instants are Unix
    ms: `given_at` (consent), `last_used_at` (None: never), `expires_at` (None: with the
    session). `hops`: how many sub-delegations hang below. `origin`: the host of the identity
    provider that allowed it in the person's place, else "".
    """

    grant_id: str
    url: str
    agent: AgentBadge
    services: tuple[str, ...]
    status: DelegationStatus
    given_at: int
    expires_at: int | None
    last_used_at: int | None = None
    purpose: str = ""
    person: str = ""
    hops: int = 0
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MyAgentsPage:
    """`my_agents`: every delegation of the signed-in person, live ones apart from ended ones."""

    frame: Frame
    live: tuple[DelegationRow, ...]
    ended: tuple[DelegationRow, ...] = ()
    paging: Paging = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationNode:
    """One delegation in the tree of hand-overs; `here` marks the one whose page this is.

    `may`: its scopes as sentences, shortened by the route. `url`: None for `here`.
    """

    grant_id: str
    agent: AgentBadge
    status: DelegationStatus
    may: tuple[str, ...] = ()
    url: str | None = None
    here: bool = False
    last_used_at: int | None = None
    children: tuple["DelegationNode", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldScope:
    """A scope in force. Kept by posting `keep_scope` = `value`."""

    value: str
    sentence: str
    destructive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldObject:
    """An object that the delegation covers. Kept by posting `keep_object` = `value`."""

    value: str
    label: str
    kind: str
    contains: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldResource:
    """What a delegation holds on one service."""

    name: str
    host: str
    scopes: tuple[HeldScope, ...]
    objects: tuple[HeldObject, ...] = ()
    objects_matter: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPermission:
    """A sub-agent or downstream service that was allowed.

    Kept by posting `keep_hand_over` or `keep_downstream` = `value`.
    """

    value: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """Something an agent did, or was refused, under this delegation.

    `agents`: names, the one that acted first and then who handed to it. `what`: a sentence
    ("Read document", "Handed work on"). `object_label`: "" when none. `why`: the reason in
    plain words when refused, else "".
    """

    at: int
    agents: tuple[str, ...]
    what: str
    outcome: Literal["done", "refused"]
    object_label: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """What a delegated call left behind (EXCHANGE X12), e.g. "Shared Budget 2026 with Ben".

    Undone by posting `effect` = `effect_id`. `undone_at`: when, or None. `can_undo`: false
    shows no button, e.g. when the object is gone.
    """

    effect_id: str
    at: int
    sentence: str
    agent_name: str
    undone_at: int | None = None
    can_undo: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationPage:
    """`delegation`: one delegation, for its person (`as_admin` false) or an administrator.

    Four things may be done, each shown only if its URL is given:
    `revoke_url`: link to the preview (`preview` page) that revokes.
    `narrow_url`: the narrow form posts `csrf` and the repeatable `keep_scope`, `keep_object`,
    `keep_hand_over`, `keep_downstream`, and `keep_sharing` = `yes`: all that stays; and
    `ends_in` = one of `endings` (seconds from now, words) to let it end earlier.
    `undo_url`: each undo button posts `csrf`, `effect`.
    `root`: the topmost delegation of the tree that the reader may see.
    `ended_why`: for an ended one, a sentence ("You revoked it"), else "".
    `ends_with_session`: shown instead of `expires_at`.
    `origin`: the host of the identity provider that allowed it in the person's place, else "";
    `again_url`: posts `csrf` to let it be allowed again after the person revoked it.
    """

    frame: Frame
    grant_id: str
    agent: AgentBadge
    client_name: str
    person: str
    purpose: str
    status: DelegationStatus
    given_at: int
    expires_at: int
    last_used_at: int | None
    resources: tuple[HeldResource, ...]
    root: DelegationNode
    actions: tuple[ActionRow, ...] = ()
    effects: tuple[EffectRow, ...] = ()
    hand_overs: tuple[HeldPermission, ...] = ()
    downstreams: tuple[HeldPermission, ...] = ()
    may_share: bool = False
    ends_with_session: bool = False
    ended_why: str = ""
    as_admin: bool = False
    back_url: str = ""
    revoke_url: str | None = None
    narrow_url: str | None = None
    undo_url: str | None = None
    audit_url: str | None = None
    endings: tuple[tuple[str, str], ...] = ()
    origin: str = ""
    again_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPage:
    """`preview`: what dies before something is done: revoke, suspend, retire, disable, resume.

    `heading`: the question ("Revoke this delegation?"). `sentence`: what happens, and whether
    it can be taken back. `facts`: (label, value) such as ("Live tokens", "3"). `tree_nodes`:
    what ends, as trees. `affected`: other delegations, for an agent; `affected_hidden` more are
    not shown. `effects`: things left behind; each can be ticked and is posted as the repeatable
    `undo` = effect id. Posts `csrf`, `undo`, and `reason` if `asks_reason`. `confirm`: the
    button's words. `harmless`: a calm button (resume). `cancel_url`: back without doing anything.
    """

    frame: Frame
    heading: str
    sentence: str
    action: str
    confirm: str
    cancel_url: str
    facts: tuple[tuple[str, str], ...] = ()
    tree_nodes: tuple[DelegationNode, ...] = ()
    affected: tuple[DelegationRow, ...] = ()
    affected_hidden: int = 0
    effects: tuple[EffectRow, ...] = ()
    asks_reason: bool = False
    options: tuple[tuple[str, str], ...] = ()
    harmless: bool = False
