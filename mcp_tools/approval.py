"""When a guarded call needs a person's fresh yes, and what they are asked.

    @guard(scope="pay:send", approval="always")
    @guard(scope="pay:send", approval=lambda arguments: arguments["amount"] > 100)
    @guard(scope="pay:send", approval=Approval(summary="Pay {amount} to {payee}", max_age=300))

The yes is for exactly these arguments, once. It adds no authority.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic_core import PydanticSerializationError, to_jsonable_python

MAX_SUMMARY: Final = 300
"""Characters that a person is shown of what the server says of a call."""
LONGEST: Final = 600
"""Seconds that a question may wait, and a yes be good."""
MAX_AGE: Final = 86_400
_FIELD: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SDKS: Final = frozenset({"mcp", "fastmcp"})

When = Callable[[Mapping[str, Any]], bool]


class NotApprovable(ValueError):
    """Arguments that cannot be written down: nobody can say yes to exactly them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person is asked about one call."""

    arguments_hash: str
    """base64url of SHA-256 of the canonical JSON of tool and arguments."""
    summary: str
    seconds: int
    max_age: int | None


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's fresh yes to each call, or to those that `when` picks.

    `when` is asked with the call's arguments; only `False` lets a call go on without a yes.
    `summary` is what the person reads as the server's words: a text in which `{name}` stands for
    an argument, or a function of the arguments; by default the whole call. `seconds`: how long
    the question waits, and then how long the yes is good, at most 600. `max_age`: the person must
    have signed in so many seconds ago at most. Raises `ValueError` for settings out of range.
    """

    when: When | None = None
    summary: str | Callable[[Mapping[str, Any]], str] | None = None
    seconds: int = LONGEST
    max_age: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST:
            raise ValueError(f"an approval waits 1 to {LONGEST} seconds")
        if self.max_age is not None and not 0 < self.max_age <= MAX_AGE:
            raise ValueError(f"max_age is 1 to {MAX_AGE} seconds")

    @classmethod
    def of(cls, rule: "Approval | When | Literal['always'] | None") -> "Approval | None":
        """Read what `@guard(approval=…)` was given; raises `ValueError`."""
        if rule is None or isinstance(rule, Approval):
            return rule
        if rule == "always":
            return cls()
        if callable(rule):
            return cls(when=rule)
        raise ValueError("approval is 'always', a function of the arguments, or an Approval")

    def wanted(self, tool: str, arguments: Mapping[str, object]) -> Wanted | None:
        """Say what a person is asked about a call, None if it needs no yes.

        Raises `NotApprovable`, and what the author's own functions raise: then nothing runs.
        """
        shown = own_arguments(arguments)
        # Only a plain no: a rule that forgets to answer asks.
        if self.when is not None and self.when(shown) is False:
            return None
        return Wanted(
            hash_of_call(tool, shown), self._summary(tool, shown), self.seconds, self.max_age
        )

    def _summary(self, tool: str, arguments: Mapping[str, object]) -> str:
        if self.summary is None:
            listed = ", ".join(f"{name}={_text(value)}" for name, value in arguments.items())
            said = f"{tool}({listed})"
        elif isinstance(self.summary, str):
            # Names alone: no attribute of an argument is read, as str.format would.
            said = _FIELD.sub(lambda match: _text(arguments.get(match[1], match[0])), self.summary)
        else:
            said = self.summary(arguments)
        said = " ".join(said.replace("\x00", "\ufffd").split()) or tool
        return said if len(said) <= MAX_SUMMARY else f"{said[: MAX_SUMMARY - 1]}…"


def own_arguments(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments that the caller sent: without what the SDK puts beside them."""
    return {
        name: value
        for name, value in arguments.items()
        if not (
            type(value).__name__ == "Context" and type(value).__module__.partition(".")[0] in _SDKS
        )
    }


def hash_of_call(tool: str, arguments: Mapping[str, object]) -> str:
    """Hash a call: SHA-256 of `{"arguments":…,"tool":…}` as JSON, keys sorted, without spaces.

    base64url without padding (RFC 4648 §5). Raises `NotApprovable`.
    """
    try:
        ordered = {name: _ordered(value) for name, value in arguments.items()}
        plain = to_jsonable_python({"tool": tool, "arguments": ordered}, fallback=_plain)
        text = json.dumps(
            plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        digest = hashlib.sha256(text.encode()).digest()
    except (ValueError, TypeError, RecursionError, PydanticSerializationError):
        raise NotApprovable(tool) from None
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _ordered(value: object) -> object:
    # A set has another order in each process, and would be another call there.
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def _plain(value: Any) -> Any:
    raise TypeError(type(value).__name__)


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that waits for the person, as a tool result and a client's helper say it."""

    approval_id: str
    interval: int
    expires_in: int
    approve_url: str

    @property
    def text(self) -> str:
        """What a model reads."""
        return (
            f"approval_required: the user must approve this very call first. Ask the user to open"
            f" {self.approve_url} and answer there within {self.expires_in} seconds, then call"
            " this tool again with exactly the same arguments."
        )

    def structured(self) -> dict[str, object]:
        """What a program reads."""
        return {
            "status": "pending",
            "approval_id": self.approval_id,
            "interval": self.interval,
            "expires_in": self.expires_in,
            "approve_url": self.approve_url,
        }

    @classmethod
    def of(cls, document: object) -> "Pending | None":
        """Read `structured()` again, None if it is something else."""
        if not isinstance(document, dict) or document.get("status") != "pending":
            return None
        found = (document.get("approval_id"), document.get("approve_url"))
        times = (document.get("interval"), document.get("expires_in"))
        approval_id, url = found
        interval, expires_in = times
        if not (isinstance(approval_id, str) and isinstance(url, str)):
            return None
        if type(interval) is not int or type(expires_in) is not int:
            return None
        return cls(approval_id, interval, expires_in, url)
