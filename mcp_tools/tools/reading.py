"""What an agent reads or is prompted with, without calling a tool: decided as a call is."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, ParamSpec, TypeVar

from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel

from mcp_tools.challenge import FORBIDDEN
from mcp_tools.errors import CallRefused
from mcp_tools.guard import guard
from mcp_tools.tools.arguments import caller
from mcp_tools.tools.desks import AgentDesk
from mcp_tools.tools.scopes import SELF

P = ParamSpec("P")
T = TypeVar("T")

METHODS: Final = dict.fromkeys(
    ("resources/list", "resources/read", "prompts/list", "prompts/get"), SELF
)
"""MCP methods beside tools, with the scope that each needs."""

_WHAT_I_MAY_DO: Final = (
    "Tell the user in plain words what you may do for them now: who you are, what you may do with"
    " which of their things, what you may not do, until when, and how they take it back (on the"
    " page of their agents). Do not read out ids unless they ask. This is what you are allowed:"
)
_AFTER_A_REFUSAL: Final = (
    "A call of yours was refused. Tell the user in plain words what you tried, why it was refused"
    " and what would help. If only they can allow it, say exactly what you would need and for what,"
    " and wait for them. Do not try another way. This is why:"
)


def add_reading(mcp: MCPServer[Any], desk: AgentDesk) -> None:
    """Register resources and prompts for agents."""

    async def me() -> str:
        return _json(await desk.whoami(caller()))

    async def my_delegations() -> str:
        return _json(await desk.delegations(caller(), ended=False, cursor=None))

    async def what_may_i_do() -> str:
        return f"{_WHAT_I_MAY_DO}\n\n{_json(await desk.whoami(caller()))}"

    async def after_a_refusal(evaluation_id: str) -> str:
        return f"{_AFTER_A_REFUSAL}\n\n{_json(await desk.explain(caller(), evaluation_id))}"

    mcp.resource(
        "mandate://me",
        title="Who I am and what I may do",
        description="As the tool `whoami` tells it.",
        mime_type="application/json",
    )(_decided(me))
    mcp.resource(
        "mandate://me/delegations",
        title="What people allow me",
        description="The first page of the tool `list_my_delegations`.",
        mime_type="application/json",
    )(_decided(my_delegations))
    mcp.prompt(
        title="What may you do for me?",
        description="Lets the agent explain its authority to the user in plain words.",
    )(_decided(what_may_i_do))
    mcp.prompt(
        title="Why did that not work?",
        description="Lets the agent explain a refusal to the user; takes its `evaluation_id`.",
    )(_decided(after_a_refusal))


def _json(answer: BaseModel) -> str:
    return answer.model_dump_json(indent=2)


def _decided(fn: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Guard what is no tool; a refusal is a JSON-RPC error."""
    guarded = guard(scope=SELF, principal="agent")(fn)

    @functools.wraps(guarded)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            found: T = await guarded(*args, **kwargs)
        except CallRefused as refused:
            data = {"error": "refused", "reason": refused.reason}
            raise MCPError(code=FORBIDDEN, message=str(refused), data=data) from None
        return found

    return answered
