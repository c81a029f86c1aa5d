"""How a tool of Mandate's own MCP server is registered: guarded, worded, annotated."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp.server import MCPServer
from mcp.server.request_state import RequestStateSecurity
from mcp_types import ToolAnnotations

from mcp_tools.guard import guard
from mcp_tools.rule import Principal
from mcp_tools.tools.refusal import answering_refusals
from mcp_tools.tools.words import INSTRUCTIONS, WORDS

READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
MAKES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
"""Adds something (a token, a delegation below one's own) and takes nothing away."""
TAKES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
"""Takes authority away for good."""


class Tools:
    """Adds guarded tools to a server."""

    def __init__(self, mcp: MCPServer[Any]) -> None:
        self.mcp = mcp

    def add(
        self,
        fn: Callable[..., Awaitable[Any]],
        *,
        scope: str,
        principal: Principal,
        hints: ToolAnnotations,
    ) -> None:
        """Register `fn` under its own name; `words` says what it is for."""
        words = WORDS[fn.__name__]
        guarded = guard(scope=scope, principal=principal)(fn)
        self.mcp.add_tool(
            answering_refusals(guarded),
            title=words.title,
            description=words.text,
            annotations=hints,
            structured_output=True,
        )


def new_server(version: str, state_key: bytes) -> MCPServer[Any]:
    """Return the server without its tools.

    Workers with one `state_key` (32 bytes) are one server: what one of them gave a client to bring
    back, any takes.
    """
    return MCPServer(
        "mandate",
        title="Mandate",
        description="Who an agent is, for whom it acts, and what it may do.",
        instructions=INSTRUCTIONS,
        version=version,
        log_level="WARNING",
        # Nothing is ever pushed: no list here changes while a client listens.
        subscriptions=False,
        request_state_security=RequestStateSecurity(keys=[state_key]),
    )
