"""Who asks at a desk, and what is told when nothing can be answered."""

import functools
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from authz.decision import Denied, advice
from authz.graph import GraphUnavailable
from mcp_tools.decision import SENTENCES
from mcp_tools.tools.answers import Action
from mcp_tools.tools.refusal import Refusal
from server.delegation.standing import Standing
from server.domain.audit import Cursor
from server.domain.core import Core
from server.domain.tokens import TokenKind
from server.domain.unit import StaleSnapshotError, UnavailableError
from server.keys.signer import NoSigningKey
from server.protocol.held import holder

P = ParamSpec("P")
T = TypeVar("T")

_UNABLE: Final = (UnavailableError, StaleSnapshotError, GraphUnavailable, NoSigningKey)
_PLACE: Final = re.compile(r"([0-9]{1,15})\.([A-Za-z0-9_]{1,64})")
PAGE: Final = 25
"""Rows of a page."""


def failing_closed(
    method: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Refuse when nothing can be stored or read; the caller may try again."""

    @functools.wraps(method)
    async def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except _UNABLE:
            raise Refusal("unavailable", "the server cannot do this just now", "retry") from None

    return answer


async def asking(core: Core, jti: str, *kinds: TokenKind) -> Standing:
    """Return what the caller's token rests on now; raises `Refusal`."""
    alive = await holder(core, jti)
    if isinstance(alive, Denied):
        reason = alive.reason.value
        raise Refusal(reason, SENTENCES.get(reason, "the token is not good"), action_of(alive))
    if alive.record.kind not in kinds:
        raise Refusal("principal_not_accepted", SENTENCES["principal_not_accepted"])
    return alive


def action_of(denied: Denied) -> Action:
    """Tell what helps after a denial, as the wire says it."""
    return advice(denied.reason).value


def unknown_delegation() -> NoReturn:
    """Answer alike for a delegation that does not exist and for one that is not the caller's."""
    raise Refusal("delegation_unknown", "there is no such delegation of yours")


def cursor_text(cursor: Cursor | None) -> str | None:
    """Write a place in a list for the caller to send back."""
    return None if cursor is None else f"{cursor[0]}.{cursor[1]}"


def read_cursor(text: str | None) -> Cursor | None:
    """Read a place in a list; raises `Refusal`."""
    if text is None:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise Refusal("malformed", "the cursor is not one of a page before")
    return int(found[1]), found[2]
