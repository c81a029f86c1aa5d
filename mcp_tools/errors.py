"""What goes wrong at a protected server, named for what happened. No text repeats a token."""

from mcp.server.mcpserver.exceptions import ResourceError, ToolError


class TokenRefused(Exception):
    """A bearer token that this resource must not accept (RFC 6750 §3.1, `invalid_token`).

    `reason` is one of the wire's reasons: `token_invalid`, `token_expired`, `wrong_audience`,
    `wrong_kind`, `proof_required` and `not_bound`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotProtected(Exception):
    """A server that would answer without asking: it does not start."""


class CallRefused(ToolError, ResourceError):
    """A guarded tool, resource or prompt did not run.

    An MCP client sees a tool result with `isError` (not a 403: that would make clients step up in
    circles). `reason` is what the agent may know: all reasons about an object read
    `object_denied`, so that an unknown and a forbidden object look alike (EXCHANGE X11).
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason = reason


class RelationsRefused(ToolError):
    """Mandate did not write the tuples; none of the batch was written.

    `reason` is Mandate's, for example `sharing_not_consented` (X12) or `checker_unavailable`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: the relationships were not changed")
        self.reason = reason
