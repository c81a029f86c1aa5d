"""What came back, in one word: `allowed`, or the reason of the refusal."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2

ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`said` is `allowed` or a reason; `value` is what an allowed call returned."""

    said: str
    value: Any = None

    @property
    def allowed(self) -> bool:
        """Tell whether it was allowed."""
        return self.said == ALLOWED


def of_token_endpoint(answer: httpx2.Response) -> Outcome:
    """Read a token answer or an OAuth error as `error: reason`."""
    document = _document(answer)
    if answer.status_code == 200:
        return Outcome(ALLOWED, document)
    error, reason = document.get("error", answer.status_code), document.get("reason")
    return Outcome(f"{error}: {reason}" if reason else str(error), document)


def of_evaluation(answer: httpx2.Response) -> Outcome:
    """Read Mandate's answer to a resource server."""
    document = _document(answer)
    if answer.status_code != 200:
        return Outcome(f"{answer.status_code} {document.get('reason', '')}".strip(), document)
    context = document.get("context", {})
    return Outcome(
        ALLOWED if document.get("decision") is True else str(context.get("reason")), context
    )


def of_tool(is_error: bool, value: Any, text: str) -> Outcome:  # noqa: FBT001 - the SDK's own flag
    """Read a tool's result; a refusal of the guard begins with its reason."""
    if not is_error:
        return Outcome(ALLOWED, value)
    # The SDK says first which tool it was.
    text = re.sub(r"^Error executing tool \S+: ", "", text)
    found = re.match(r"([a-z]+(?:_[a-z]+)+): ", text)
    return Outcome(found[1] if found else text, text)


def _document(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
