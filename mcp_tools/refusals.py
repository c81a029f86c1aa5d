"""A denial in words for the agent, as a tool result or as an error of the protocol."""

from typing import Final

from mcp.shared.exceptions import MCPError

from mcp_tools.challenge import FORBIDDEN
from mcp_tools.decision import OBJECT_REASONS, SENTENCES, Denied
from mcp_tools.errors import CallRefused

_WHAT_NEXT: Final = {
    "retry": "try again later",
    "consent": "the user must be asked for consent",
    "stop": "do not try again",
}


def refusal(denied: Denied) -> CallRefused:
    """Say what the agent may know of a denial."""
    # X11: one text for every reason about an object, so that probing ids learns nothing.
    if denied.reason in OBJECT_REASONS:
        return CallRefused(
            "object_denied", "there is no such object, or it is outside what was granted"
        )
    if denied.pending is not None:
        reason, _, text = denied.pending.text.partition(": ")
        return CallRefused(reason, text)
    sentence = SENTENCES.get(denied.reason)
    if sentence is None:
        return CallRefused("denied", f"Mandate refused; {_WHAT_NEXT[denied.action]}")
    return CallRefused(denied.reason, f"{sentence}; {_WHAT_NEXT[denied.action]}")


def protocol_error(refused: CallRefused) -> MCPError:
    """Say it where there is no tool result: resources, prompts and lists."""
    return MCPError(FORBIDDEN, str(refused), {"error": "denied", "reason": refused.reason})


def refused_within(error: BaseException) -> CallRefused | None:
    """Return the refusal that an SDK wrapped in errors of its own on the way out."""
    seen = 0
    found: BaseException | None = error
    while found is not None and seen < 3:
        if isinstance(found, CallRefused):
            return found
        found, seen = found.__cause__ or found.__context__, seen + 1
    return None
