"""A refused tool call, so that a program reads the reason and a model what to do next."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, ParamSpec

from mcp_types import CallToolResult, TextContent

from mcp_tools.errors import CallRefused
from mcp_tools.tools.answers import Action

P = ParamSpec("P")

NEXT: Final[dict[Action, str]] = {
    "retry": "The same call may succeed later; try it again after a moment.",
    "consent": "Only the user can allow this: tell them what you need and why, and stop until they"
    " have agreed. Do not look for another way.",
    "stop": "Do not try again and do not look for another way; tell the user what you could not"
    " do.",
}
"""By action: what a model should do."""


class Refusal(CallRefused):
    """What a desk does not do. `reason` is of a closed list, `action` says what helps."""

    def __init__(self, reason: str, text: str, action: Action = "stop") -> None:
        super().__init__(reason, text)
        self.text = text
        self.action = action


def answering_refusals(fn: Callable[P, Awaitable[Any]]) -> Callable[P, Awaitable[Any]]:
    """Turn a refusal into a tool result with `isError` and a machine-readable body."""

    @functools.wraps(fn)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return await fn(*args, **kwargs)
        except Refusal as refused:
            reason, text, action = refused.reason, refused.text, refused.action
        except CallRefused as refused:
            # Of the guard: its text already says what next.
            return _result(refused.reason, str(refused), None)
        return _result(reason, f"{reason}: {text}", action)

    return answered


def _result(reason: str, text: str, action: Action | None) -> CallToolResult:
    body = {"error": "refused", "reason": reason, "message": text}
    if action is not None:
        body |= {"action": action, "next_step": NEXT[action]}
        text = f"{text} {NEXT[action]}"
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=body, is_error=True
    )
