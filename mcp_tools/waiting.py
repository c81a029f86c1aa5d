"""A call that waits for a person: how the answer says so, by what the client can do.

A client that opens pages for its user (URL elicitation) is asked to, once, on revision 2026-07-28.
Any other gets a tool result with `isError` that says where the yes is given. No state has to come
back: the same call finds the same question, on any worker.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from mcp.server.context import HandlerResult, ServerRequestContext
from mcp_types import ElicitRequest, ElicitRequestURLParams, InputRequiredResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from mcp_tools.approval import Pending

KEY: Final = "mandate_approval"
"""What the question is called among the inputs that a call needs."""


class Waiting:
    """What the guard of the current request found that it waits for."""

    def __init__(self) -> None:
        self.pending: Pending | None = None


_WAITING: ContextVar[Waiting | None] = ContextVar("mandate_waiting", default=None)


@contextmanager
def noting() -> Iterator[Waiting]:
    """Make room for what a guard will find (the middleware)."""
    waiting = Waiting()
    reset = _WAITING.set(waiting)
    try:
        yield waiting
    finally:
        _WAITING.reset(reset)


def note(pending: Pending) -> None:
    """Say that the current call waits (the guard)."""
    waiting = _WAITING.get()
    if waiting is not None:
        waiting.pending = pending


def told(
    ctx: ServerRequestContext[Any, Any], result: HandlerResult, pending: Pending
) -> HandlerResult:
    """Complete the answer to a call that waits."""
    # A tool may have gone on without what waits (a tool that it called): its answer stands.
    if not isinstance(result, dict) or result.get("isError") is not True:
        return result
    if _opens_pages(ctx) and not _was_asked(ctx.params):
        question = ElicitRequest(
            params=ElicitRequestURLParams(
                message="The user must approve this call.", url=pending.approve_url
            )
        )
        asked = InputRequiredResult(input_requests={KEY: question})
        return asked.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {**result, "structuredContent": pending.structured()}


def _opens_pages(ctx: ServerRequestContext[Any, Any]) -> bool:
    if ctx.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
        return False
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and elicitation.url is not None


def _was_asked(params: Mapping[str, Any] | None) -> bool:
    responses = (params or {}).get("inputResponses")
    return isinstance(responses, Mapping) and KEY in responses
