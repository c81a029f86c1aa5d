"""RFC 6749 §4.1.2, RFC 9207 §2: the answer to an authorization request, `iss` always in it."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from server.domain.refusal import Refused
from server.protocol.authorize import Faulty

# Everything that a URI may hold (RFC 3986 §2.2); the rest would break a header.
_URL = ":/%#?=@[]!$&'()*+,;~"


@dataclass(frozen=True, slots=True)
class Answer:
    """Parameters that go to a checked `redirect_uri`, in its query or as a posted form."""

    redirect_uri: str
    response_mode: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def location(self) -> str:
        """Return the URL of the redirect; a registered query is kept (RFC 6749 §3.1.2)."""
        separator = "&" if "?" in self.redirect_uri else "?"
        target = quote(self.redirect_uri, safe=_URL)
        return f"{target}{separator}{urlencode(self.parameters)}"


def code_answer(
    issuer: str, redirect_uri: str, response_mode: str, *, code: str, state: str | None
) -> Answer:
    """Answer with a code."""
    return Answer(redirect_uri, response_mode, (("code", code), *_tail(issuer, state)))


def error_answer(
    issuer: str, redirect_uri: str, response_mode: str, *, refused: Refused, state: str | None
) -> Answer:
    """Answer with an error (RFC 6749 §4.1.2.1)."""
    parameters = (
        ("error", refused.error),
        ("error_description", refused.description),
        *_tail(issuer, state),
    )
    return Answer(redirect_uri, response_mode, parameters)


def answer_to_fault(issuer: str, fault: Faulty) -> Answer | Refused:
    """Answer a faulty request: to the client if it may be redirected to, else for a page."""
    if fault.redirect_uri is None or not fault.refused.redirectable:
        return fault.refused
    return error_answer(
        issuer, fault.redirect_uri, fault.response_mode, refused=fault.refused, state=fault.state
    )


def _tail(issuer: str, state: str | None) -> tuple[tuple[str, str], ...]:
    return (*((("state", state),) if state is not None else ()), ("iss", issuer))
