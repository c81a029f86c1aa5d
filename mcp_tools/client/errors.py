"""Why an agent holds no token, by what it should do about it. No text repeats a token."""

from typing import Any


class NotGranted(Exception):
    """Mandate gave no token. `error` is RFC 6749's code, `reason` Mandate's."""

    def __init__(self, error: str, reason: str, description: str = "") -> None:
        text = f"{error}: {reason}" if reason and reason != error else error
        super().__init__(f"{text} ({description})" if description else text)
        self.error = error
        self.reason = reason
        self.description = description


class ConsentRequired(NotGranted):
    """The user has not consented to this, or no longer does; only the user can change that.

    `scope` and `resource` are what was asked for, for a request to the authorization endpoint.
    """

    scope: str = ""
    resource: str = ""


class AuthorityEnded(NotGranted):
    """The agent, its client or the user may act no more. Stop; asking again changes nothing."""


class TryAgain(NotGranted):
    """Mandate could not decide just now, or a token of the request was out of date."""


class InsufficientScope(Exception):
    """The server wants more than this token has (403). Nothing was asked for in its place.

    `needed` and `missing` are scopes separated by spaces. An agent that should have them asks for
    them by name, and the user may have to consent.
    """

    def __init__(self, needed: str, missing: str) -> None:
        super().__init__(f"insufficient_scope: the call needs {needed}, missing {missing}")
        self.needed = needed
        self.missing = missing

    @classmethod
    def of(cls, error: BaseException) -> "InsufficientScope | None":
        """Read it from the `MCPError` of a call to a server that `mcp_tools` protects."""
        data: Any = getattr(getattr(error, "error", None), "data", None)
        if not isinstance(data, dict) or data.get("error") != "insufficient_scope":
            return None
        return cls(str(data.get("scope", "")), str(data.get("missing", "")))


class WrongServer(Exception):
    """A request to another origin than the token's resource; it was not sent."""
