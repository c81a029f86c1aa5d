"""What every page shares: who is looking, the notice on top, paging and small repeated parts."""

from dataclasses import dataclass
from typing import Final, Literal

Section = Literal[
    "",
    "agents",
    "approvals",
    "admin_agents",
    "admin_delegations",
    "admin_people",
    "admin_clients",
    "admin_audit",
    "admin_why",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A sentence above the page, such as "Delegation revoked" after a 303."""

    text: str
    tone: Literal["good", "bad", "plain"] = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The page's surroundings.

    `csrf` is the token (`csrf.Csrf.token`) put into every form of the page, sign-out included:
    bound to the session cookie, or before sign-in to the interaction's.
    `signed_in_as` is the e-mail shown on top; None on pages before sign-in.
    `is_admin` adds the console's links. `section` marks the current one.
    """

    csrf: str
    signed_in_as: str | None = None
    is_admin: bool = False
    section: Section = ""
    notice: Notice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link in the text of a page: its words and where it goes."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Links to the neighbouring pages of a list; None where there is none."""

    newer_url: str | None = None
    older_url: str | None = None


#: For a list that fits on one page.
ONE_PAGE: Final = Paging()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBadge:
    """Which agent, in a list or a heading.

    `owner` is the name of the person or organization that answers for it, None when it has
    none: shown as "unverified". `verified` is false for a provisional agent, whatever it says
    of itself, and where `self_made_owner`: its owner is a person who signed up on their own, whose
    name only they chose. `url` leads to its page, None where the reader has none.
    """

    agent_id: str
    name: str
    owner: str | None
    verified: bool
    self_made_owner: bool = False
    status: Literal["active", "suspended", "retired"] = "active"
    url: str | None = None
