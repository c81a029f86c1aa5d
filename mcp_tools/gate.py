"""MCP middleware: lists show what the caller could call, and opened methods are decided.

Guards decide their own calls. Hiding is convenience: a hidden tool is refused all the same.
"""

from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.inbound import NAME_BEARING_METHODS

from mcp_tools.call import admitted
from mcp_tools.deciding import decide_call, decide_list
from mcp_tools.decision import Denied
from mcp_tools.errors import CallRefused
from mcp_tools.policy import LISTS, Policy
from mcp_tools.refusals import protocol_error, refusal, refused_within
from mcp_tools.waiting import noting, told


class Gate:
    """The middleware of one server."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Pass one message on, with what the caller may see of its result."""
        method = ctx.method
        await self._decide_opened(method, ctx.params)
        if method in {"resources/read", "prompts/get"}:
            return await _spoken(ctx, call_next)
        if method == "tools/call":
            with noting() as waiting:
                result = await call_next(ctx)
            return result if waiting.pending is None else told(ctx, result, waiting.pending)
        result = await call_next(ctx)
        if method not in LISTS or not isinstance(result, dict):
            return result
        return await self._filtered(method, result)

    async def _decide_opened(self, method: str, params: Mapping[str, Any] | None) -> None:
        rule = self._policy.opened(method)
        if rule is None or self._has_guard(method, params):
            return
        request = admitted()
        if request is None:
            raise protocol_error(_outside())
        decision, _ = await decide_call(request, rule, {})
        if isinstance(decision, Denied):
            raise protocol_error(refusal(decision))

    def _has_guard(self, method: str, params: Mapping[str, Any] | None) -> bool:
        key = NAME_BEARING_METHODS.get(method)
        name = params.get(key) if key is not None and params is not None else None
        return isinstance(name, str) and self._policy.guarded(method, name) is not None

    async def _filtered(self, method: str, result: dict[str, Any]) -> dict[str, Any]:
        member, key = LISTS[method]
        request = admitted()
        if request is None:
            raise protocol_error(_outside())
        entries = {str(each.get(key, "")): each for each in result.get(member, [])}
        rules = {
            name: rule for name in entries if (rule := self._policy.entry(method, name)) is not None
        }
        shown = await decide_list(request, rules, method)
        if isinstance(shown, Denied):
            # An empty list would be believed, and kept: "there is nothing" is another answer.
            raise protocol_error(refusal(shown))
        filtered = {**result, member: [each for name, each in entries.items() if name in shown]}
        if "cacheScope" in filtered:
            # Each caller sees another list, so no cache may share it.
            filtered["cacheScope"] = "private"
        return filtered


async def _spoken(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let a refused resource or prompt say so; the SDK would call it a crash."""
    try:
        return await call_next(ctx)
    except Exception as error:
        refused = refused_within(error)
        if refused is None:
            raise
        raise protocol_error(refused) from error


def _outside() -> CallRefused:
    return CallRefused("not_protected", "this server answers behind mcp_tools.protect only")
