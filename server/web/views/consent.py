"""The consent page: an agent wants to act for a person, who picks what it may do."""

from dataclasses import dataclass
from typing import Final, Literal

from server.web.views.frame import AgentBadge, Frame

#: The names that the consent page posts more than once, for `forms.read_form(repeatable=…)`.
REPEATABLE: Final = ("scope", "object", "hand_over", "downstream")


def starts_ticked(*, asked: bool, destructive: bool) -> bool:
    """Say how a switch stands at first.

    On only if the client asked for just this by name, and never for what destroys.
    """
    return asked and not destructive


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeChoice:
    """One switch of what the agent may do. Posted as `scope` = `value`.

    `sentence`: in plain words, as the resource registered it ("Read your documents").
    `comes_with`: what else the person gives with it, in such sentences. `tools`: what it opens.
    `asked`: the client asked for it by name. `destructive`: it can delete, share or pay.
    `fixed`: cannot be switched off (openid); shown without a switch and not posted.
    `ticked`: as it stands now; `starts_ticked` at first, then what the person last posted.
    """

    value: str
    sentence: str
    comes_with: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    asked: bool = False
    destructive: bool = False
    fixed: bool = False
    ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChoice:
    """One thing the person holds. Posted as `object` = `value`, e.g. `folder:7`.

    `label`: its name. `kind`: its type in a word ("Folder"). `contains`: true if ticking it
    covers everything inside. `asked`: the client named it in `authorization_details`.
    """

    value: str
    label: str
    kind: str
    contains: bool = False
    asked: bool = False
    ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceAsk:
    """One service (resource server) that the agent wants to use for the person.

    `host`: host of its URI. `objects_matter`: false if its scopes act on no objects, so that
    none are offered. `objects`: those offered on this page. `objects_hidden`: how many more the
    person holds; above zero, a search box appears that posts `decision` = `find` with
    `object_query`, and the page is shown again with all ticks kept (so include ticked ones).
    """

    name: str
    host: str
    scopes: tuple[ScopeChoice, ...]
    objects_matter: bool = True
    objects: tuple[ObjectChoice, ...] = ()
    objects_hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverChoice:
    """Another agent that it may hand work to. Posted as `hand_over` = `value` (agent id)."""

    value: str
    agent: AgentBadge
    purpose: str = ""
    ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DownstreamChoice:
    """Another service that a resource may call on with this authority (EXCHANGE X6).

    Posted as `downstream` = `value`. `service` is the resource that forwards, `sentence` says
    what for ("Search the web for what you are reading").
    """

    value: str
    service: str
    target: str
    sentence: str
    ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationChoice:
    """How long it lasts. Posted as `duration` = `value`: seconds, or `session`.

    `hint` explains it ("Ends when you sign out"). Exactly one is ticked: the shortest asked.
    """

    value: str
    label: str
    hint: str = ""
    ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage:
    """`consent`: who asks, for what, on which things, for how long; and what happens next.

    Posts `csrf`, `interaction`, `decision` = `allow` | `deny` | `find`, `duration`,
    `allow_sharing` = `yes`, `object_query`, and the repeatable names of `REPEATABLE`. What is
    not ticked is not granted.
    `kind`: "agent" acts for the person; "application" is a plain client that wants to use the
    account. `purpose`: in the client's own words, shown as a quotation, "" when it gave none.
    `self_registered`: no administrator registered the client; `client_host` is the host that its
    metadata document is at, "" if it has none; `logo_url` is our copy of the picture that it names,
    "" if it names none. `only_local`: every address of it is on this computer.
    `redirect_host`: host of the redirect URI (or its scheme for an app's own).
    `redirect_is_local`: it is this computer, so any program here could be listening; shown as a
    warning. `may_share`: false hides the sharing switch. `problem`: why a post was not accepted
    ("Tick at least one thing…"). `switch_account_url`: for "not you?". `replaces`: an earlier
    delegation ends with this one, unless `keep_earlier` = `yes` is posted; `keep_ticked`: so that
    switch stands.
    Pass `form_targets=(form_target(redirect_uri),)` when rendering.
    """

    frame: Frame
    action: str
    interaction: str
    kind: Literal["agent", "application"]
    agent: AgentBadge
    client_name: str
    purpose: str
    resources: tuple[ResourceAsk, ...]
    durations: tuple[DurationChoice, ...]
    redirect_host: str
    redirect_is_local: bool = False
    self_registered: bool = False
    client_host: str = ""
    logo_url: str = ""
    only_local: bool = False
    hand_overs: tuple[HandOverChoice, ...] = ()
    downstreams: tuple[DownstreamChoice, ...] = ()
    may_share: bool = True
    share_ticked: bool = False
    replaces: bool = False
    keep_ticked: bool = False
    object_query: str = ""
    problem: str | None = None
    switch_account_url: str | None = None
