"""What a model reads before it picks a tool: titles, descriptions, the server's instructions."""

from dataclasses import dataclass
from typing import Final

INSTRUCTIONS: Final = (
    "Mandate decides what agents may do for people. Use these tools to find out who you are, for"
    " whom you act and what you are allowed, before you promise anything; to understand a refusal;"
    " to get the token for a service that you are allowed; to hand part of your work to another"
    " agent; and to give back what you no longer need. You can never get more than the person"
    " agreed to. When a tool says that only the user can allow something, tell the user and"
    " stop: do not look for a way around it."
)


@dataclass(frozen=True, slots=True)
class Words:
    """The title and the description of a tool."""

    title: str
    text: str


WORDS: Final[dict[str, Words]] = {
    "whoami": Words(
        "Who am I, and what may I do?",
        "Tell who you are, which user you act for, through which agents, what you are allowed at"
        " which resource and on which objects, and until when. Call this first.",
    ),
    "list_my_delegations": Words(
        "What do people allow me?",
        "List what people allow you: with a user's token that user's delegations to you alone, as"
        " yourself everyone's. `whoami` shows the one that you act under now.",
    ),
    "check_permission": Words(
        "Would this be allowed?",
        "Find out whether a call with these scopes at this resource would be allowed to you now, on"
        " one object if the call has one (then `relation` too). It changes nothing and grants"
        " nothing. An object that does not exist and one that is not yours to reach answer alike.",
    ),
    "explain_denial": Words(
        "Why was this refused?",
        "Explain a refusal of yours in words and say what helps: to ask the user for consent, to"
        " try again, or to stop. If you have no evaluation id, ask `check_permission` about the"
        " same call instead.",
    ),
    "exchange_token": Words(
        "Get a token for a resource",
        "Get an access token for one resource that the user allows you, as RFC 8693 token exchange"
        " does; it lives two minutes at most. CAUTION: the answer holds a secret, which then stands"
        " in your context. Use this only if the program that runs you cannot exchange tokens"
        " itself; ask for as few scopes as the next call needs; send the token to that resource and"
        " to nothing else; never write it into a message, a file, a log or another tool.",
    ),
    "delegate_to": Words(
        "Hand work on to another agent",
        "Hand part of your work on to another agent that the user named (`may_hand_on_to` of"
        " `whoami`). The ticket is good for that agent alone, at the token endpoint. What the agent"
        " gets is part of yours and ends with yours; the user sees it and can take it back.",
    ),
    "request_access": Words(
        "Ask the user for more",
        "Ask the user for authority that you do not hold and need for what they want. They read"
        " your reason and answer on a page of their account, not here. Asking the same again finds"
        " the same question. Ask for as little as the task needs, once, and only with them knowing:"
        " a user who is asked too often is asked no more. A yes makes a delegation beside yours,"
        " used with its `grant_id`.",
    ),
    "access_request_status": Words(
        "Has the user answered?",
        "Look how a request of yours stands. Wait `interval` seconds between two looks.",
    ),
    "release": Words(
        "Give authority back",
        "Give back a delegation of yours, or one that you handed on, when its work is done: all of"
        " it (`everything`), or the scopes and objects that you name. This is for good; only the"
        " user can give it again.",
    ),
    "list_delegations": Words(
        "What do I allow?",
        "List what you allow your agents: which agent, where, on what, until when.",
    ),
    "list_activity": Words(
        "What was done in my name?",
        "List what was done in your name, refusals included, the newest first.",
    ),
    "narrow_delegation": Words(
        "Allow less",
        "Take scopes, objects or time away from a delegation of yours and from all that was handed"
        " on from it. This is for good: giving it again takes a new consent. What you do not name"
        " stays.",
    ),
    "revoke_delegation": Words(
        "Revoke a delegation",
        "End a delegation of yours at once, with every token and everything handed on from it.",
    ),
    "list_approvals": Words(
        "What am I asked?",
        "List what agents ask you now: a yes to one call, or for more authority. You answer on the"
        " page of each; only there can you say yes.",
    ),
    "deny_approval": Words(
        "Say no",
        "Say no to something that an agent asks you. The first answer counts. There is no tool that"
        " says yes: that is for you yourself, on the page.",
    ),
    "search_delegations": Words(
        "Search delegations",
        "Search everyone's delegations. For administrators.",
    ),
    "search_audit": Words(
        "Search the audit trail",
        "Search the whole audit trail, the newest events first. For administrators.",
    ),
    "revoke_any_delegation": Words(
        "Revoke anyone's delegation",
        "End anyone's delegation at once, with every token and everything handed on from it. For"
        " administrators; the person sees that an administrator did it.",
    ),
}
"""By tool."""
