"""The one decision: of a call, and of a list that shows what could be called."""

from collections.abc import Mapping
from typing import Final, TypeVar

from mcp_tools.approval import NotApprovable
from mcp_tools.call import Admitted
from mcp_tools.decision import OBJECT_REASONS, Decision, Denied
from mcp_tools.rule import Ask, NoSuchObject, ObjectRef, ToolRule

K = TypeVar("K")

HIDES: Final = OBJECT_REASONS | {
    "insufficient_scope",
    "ceiling_scope",
    "consent_scope",
    "principal_not_accepted",
    "object_needs_online",
    "approval_needs_online",
}
"""Reasons that hide one entry of a list. Any other is about the token or the delegation, so that
nothing is listed at all and the caller is told why."""


async def decide_call(
    request: Admitted, rule: ToolRule, arguments: Mapping[str, object]
) -> tuple[Decision, tuple[ObjectRef, ...]]:
    """Decide one call; return the decision and the objects that it was about."""
    ask = _ask(request, rule, arguments, rule.tool)
    if isinstance(ask, Denied):
        return ask, ()
    (decision,) = await request.decider.decide(request.token, [ask])
    return decision, ask.objects


async def decide_list(
    request: Admitted, rules: Mapping[K, ToolRule], method: str
) -> set[K] | Denied:
    """Return the keys of the rules that a call could fulfil now.

    Objects that arguments will name are not known yet: such an entry is shown if all else holds,
    and its call is decided with them. Returns `Denied` where the caller may call nothing at all,
    for a reason that is not about an entry; so too if Mandate cannot be asked.
    """
    asks = {key: _ask(request, rule, None, method) for key, rule in rules.items()}
    # Most entries of a list need the same: each question is asked once.
    distinct: dict[object, Ask] = {}
    for ask in asks.values():
        if isinstance(ask, Ask):
            distinct.setdefault(_same(ask), ask)
    decisions = await request.decider.decide(request.token, list(distinct.values()))
    decided = dict(zip(distinct, decisions, strict=True))
    shown = set()
    for key, ask in asks.items():
        decision = ask if isinstance(ask, Denied) else decided[_same(ask)]
        if not isinstance(decision, Denied):
            shown.add(key)
        elif decision.reason not in HIDES:
            return decision
    return shown


def _same(ask: Ask) -> object:
    rule = ask.rule
    return rule.scopes, rule.principal, rule.relation if ask.objects else None, ask.objects


def _ask(
    request: Admitted, rule: ToolRule, arguments: Mapping[str, object] | None, about: str
) -> Ask | Denied:
    """Write the question, or refuse what needs none to be refused."""
    token = request.token
    if not rule.accepts(is_agent_itself=token.is_agent_itself, has_actor=bool(token.agents)):
        return Denied("principal_not_accepted")
    if not token.covers(rule.scopes):
        return Denied("insufficient_scope", "consent")
    if rule.templates and not request.decider.decides_objects:
        return Denied("object_needs_online")
    if rule.approval is not None and not request.decider.decides_objects:
        return Denied("approval_needs_online")
    if arguments is None:
        return Ask(rule, rule.fixed_objects(), None, about)
    try:
        # From the validated arguments, which are those that the tool gets.
        objects = rule.objects(arguments)
        wanted = rule.approval.wanted(rule.tool, arguments) if rule.approval else None
    except NoSuchObject:
        return Denied("user_relation")
    except NotApprovable:
        return Denied("not_approvable")
    return Ask(rule, objects, arguments, about, wanted)
