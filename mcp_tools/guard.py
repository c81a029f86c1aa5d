"""`@guard`: a tool, resource or prompt runs only after Mandate allowed this call.

    @mcp.tool()
    @guard(scope="docs:read", relation="viewer", object="document:{document_id}")
    def read_document(document_id: str) -> str: ...

    @mcp.resource("docs://documents/{document_id}")
    @guard(scope="docs:read", relation="viewer", object="document:{document_id}")
    def document(document_id: str) -> str: ...

`@mcp.tool()` stands above `@guard`. The other way round registers the bare function, and
`protect` refuses to start such a server.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal, ParamSpec

import anyio.to_thread

from mcp_tools.approval import Approval, When
from mcp_tools.call import Admitted, Call, admitted, answering
from mcp_tools.deciding import decide_call
from mcp_tools.decision import Denied
from mcp_tools.errors import CallRefused
from mcp_tools.outcome import Recorder
from mcp_tools.refusals import refusal
from mcp_tools.rule import ObjectRef, ObjectTemplate, Principal, ToolRule
from mcp_tools.waiting import note

P = ParamSpec("P")
_RULE: Final = "__mandate_rule__"


def rule_of(fn: Callable[..., Any]) -> ToolRule | None:
    """Return the rule of a guarded function, None if it is not guarded."""
    rule = getattr(fn, _RULE, None)
    return rule if isinstance(rule, ToolRule) else None


def guard(
    *,
    scope: str,
    relation: str | None = None,
    object: str | Iterable[str] = (),
    principal: Principal = "delegated",
    tool: str | None = None,
    approval: Approval | When | Literal["always"] | None = None,
) -> Callable[[Callable[P, Any]], Callable[P, Awaitable[Any]]]:
    """Let a tool (a resource, a prompt) run only for calls that Mandate allows.

    `scope`: the scopes needed, separated by spaces. `relation` and `object`: the relation that the
    user (and consent, and each agent's ceiling) must have to the objects that the arguments name,
    as `type:{argument}`; several templates: to all of them; a list argument: to each member.
    `principal`: who may come (`delegated`, `agent`, `user`, `agent user`). `tool`: the tool's
    name, if it is registered under another name than the function's. `approval`: the user must say
    yes to this very call first: `always`, where a function of the arguments says so, or an
    `Approval` with more settings. Raises `ValueError` for a
    rule that could not decide anything.
    """
    templates = [object] if isinstance(object, str) else list(object)
    parsed = tuple(ObjectTemplate.parse(each) for each in templates)
    scopes = tuple(scope.split())

    def decorate(fn: Callable[P, Any]) -> Callable[P, Awaitable[Any]]:
        rule = ToolRule(
            tool or fn.__name__, scopes, relation, parsed, principal, Approval.of(approval)
        )
        signature = inspect.signature(fn)
        for template in parsed:
            if template.argument is not None and template.argument not in signature.parameters:
                raise ValueError(f"{fn.__name__} has no argument {template.argument!r}")

        # wraps keeps name, schema and Context injection: the SDK reads them from the original.
        @functools.wraps(fn)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            call, recorder = await _decided(rule, bound.arguments)
            try:
                with answering(call):
                    if inspect.iscoroutinefunction(fn):
                        result = await fn(*args, **kwargs)
                    else:
                        # The SDK runs a plain function in a thread; contextvars go along.
                        work = functools.partial(fn, *args, **kwargs)
                        result = await anyio.to_thread.run_sync(work)
            except BaseException as error:
                recorder.ended(error)
                raise
            recorder.ended()
            return result

        setattr(guarded, _RULE, rule)
        return guarded

    return decorate


async def _decided(rule: ToolRule, arguments: Mapping[str, Any]) -> tuple[Call, Recorder]:
    request = admitted()
    if request is None:
        raise CallRefused("not_protected", "this tool runs behind mcp_tools.protect only")
    recorder = Recorder(request, rule.tool)
    decision, objects = await decide_call(request, rule, arguments)
    recorder.decided(decision, objects)
    if isinstance(decision, Denied):
        if decision.pending is not None:
            note(decision.pending)
        raise refusal(decision)
    return call_of(request, objects, decision.evaluation_id), recorder


def call_of(request: Admitted, objects: tuple[ObjectRef, ...], evaluation_id: str | None) -> Call:
    """Return the allowed call that what runs now may see."""
    token = request.token
    return Call(
        sub=token.sub,
        agents=token.agents,
        client_id=token.client_id,
        grant_id=token.grant_id,
        scopes=token.scopes,
        expires_at=token.expires_at,
        objects=objects,
        evaluation_id=evaluation_id,
        _token=token,
        _relations=request.relations,
    )
