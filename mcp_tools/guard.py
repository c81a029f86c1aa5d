"""`@guard`: a tool runs only after Mandate allowed this call on these objects.

    @mcp.tool()
    @guard(scope="docs:read", relation="viewer", object="document:{document_id}")
    def read_document(document_id: str) -> str: ...

`@mcp.tool()` stands above `@guard`. The other way round registers the bare function, and
`protect` refuses to start such a server.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, ParamSpec

import anyio.to_thread

from mcp_tools.call import Admitted, Call, admitted, answering
from mcp_tools.decision import OBJECT_REASONS, SENTENCES, Denied
from mcp_tools.errors import CallRefused
from mcp_tools.rule import NoSuchObject, ObjectRef, ObjectTemplate, Principal, ToolRule

P = ParamSpec("P")
_RULE: Final = "__mandate_rule__"
_WHAT_NEXT: Final = {
    "retry": "try again later",
    "consent": "the user must be asked for consent",
    "stop": "do not try again",
}


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
) -> Callable[[Callable[P, Any]], Callable[P, Awaitable[Any]]]:
    """Let a tool run only for calls that Mandate allows.

    `scope`: the scopes needed, separated by spaces. `relation` and `object`: the relation that the
    user (and consent, and each agent's ceiling) must have to the objects that the arguments name,
    as `type:{argument}`; several templates: to all of them; a list argument: to each member.
    `principal`: who may come (`delegated`, `agent`, `user`). `tool`: the tool's name, if it is
    registered under another name than the function's. Raises `ValueError` for a rule that could
    not decide anything.
    """
    templates = [object] if isinstance(object, str) else list(object)
    parsed = tuple(ObjectTemplate.parse(each) for each in templates)
    scopes = tuple(scope.split())

    def decorate(fn: Callable[P, Any]) -> Callable[P, Awaitable[Any]]:
        rule = ToolRule(tool or fn.__name__, scopes, relation, parsed, principal)
        signature = inspect.signature(fn)
        for template in parsed:
            if template.argument is not None and template.argument not in signature.parameters:
                raise ValueError(f"{fn.__name__} has no argument {template.argument!r}")

        # wraps keeps name, schema and Context injection: the SDK reads them from the original.
        @functools.wraps(fn)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            with answering(await _decided(rule, bound.arguments)):
                if inspect.iscoroutinefunction(fn):
                    return await fn(*args, **kwargs)
                # The SDK runs a plain function in a thread; contextvars go along.
                return await anyio.to_thread.run_sync(functools.partial(fn, *args, **kwargs))

        setattr(guarded, _RULE, rule)
        return guarded

    return decorate


async def _decided(rule: ToolRule, arguments: Mapping[str, Any]) -> Call:
    request = admitted()
    if request is None:
        raise CallRefused("not_protected", "this tool runs behind mcp_tools.protect only")
    token = request.token
    if not rule.accepts(is_agent_itself=token.is_agent_itself, has_actor=bool(token.agents)):
        _refuse(Denied("principal_not_accepted"))
    try:
        # From the validated arguments, which are those that the tool gets.
        objects = rule.objects(arguments)
    except NoSuchObject:
        _refuse(Denied("user_relation"))
    decision = await request.decider.decide(token, rule, objects)
    if isinstance(decision, Denied):
        _refuse(decision)
    return _call(request, objects, decision.evaluation_id)


def _call(request: Admitted, objects: tuple[ObjectRef, ...], evaluation_id: str | None) -> Call:
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


def _refuse(denied: Denied) -> NoReturn:
    # X11: one text for every reason about an object, so that probing ids learns nothing.
    if denied.reason in OBJECT_REASONS:
        raise CallRefused(
            "object_denied", "there is no such object, or it is outside what was granted"
        )
    sentence = SENTENCES.get(denied.reason)
    if sentence is None:
        raise CallRefused("denied", f"Mandate refused; {_WHAT_NEXT[denied.action]}")
    raise CallRefused(denied.reason, f"{sentence}; {_WHAT_NEXT[denied.action]}")
