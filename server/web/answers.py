"""The JSON answers of protocol routes: tokens, errors and refusals, never stored (RFC 6749 §5)."""

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from authz.dpop import ALGORITHMS
from server.domain.refusal import Refused, invalid_request
from server.signals.observed import REQUEST_ID
from server.web.forms import BadForm
from server.web.security_headers import JSON_HEADERS, raw_headers

NO_STORE: Final[Mapping[str, str]] = JSON_HEADERS
DPOP_ALGS: Final = f'algs="{" ".join(ALGORITHMS)}"'
_NO_STORE: Final = raw_headers(NO_STORE)
_JSON: Final = (b"content-type", b"application/json")
# RFC 6750 §3.1: what is wrong with the token; a thing that is not there is none of it.
_CHALLENGED: Final = frozenset({400, 401, 403})


class _JsonAnswer(Response):
    """A response whose headers are there already: nearly all of them never change."""

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str] | None) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _JSON, *_NO_STORE]
        if headers is not None:
            self.raw_headers += raw_headers(headers)


def json_answer(
    body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a JSON document that no cache may keep."""
    return _JsonAnswer(orjson.dumps(body), status, headers)


def refusal(refused: Refused, issuer: str) -> Response:
    """Answer an OAuth error (RFC 6749 §5.2) with its reason and what to do about it."""
    headers = {"WWW-Authenticate": f'Basic realm="{issuer}"'} if refused.authenticate else {}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    return json_answer(_body(refused), refused.status, headers or None)


def token_refusal(refused: Refused, *, bound: bool) -> Response:
    """Answer a refused access token; `bound`: it was sent under the scheme DPoP.

    RFC 6750 §3, RFC 9449 §7.1: the error stands in the challenge of the scheme that was used.
    """
    answer = json_answer(_body(refused), refused.status)
    if refused.status in _CHALLENGED:
        # RFC 6750 §3.1: a request without a token gets no error code.
        silent = refused.reason == "token_missing"
        error = f'error="{refused.error}", error_description="{refused.description}"'
        bearer = "Bearer" if silent or bound else f"Bearer {error}"
        dpop = f"DPoP {error}, {DPOP_ALGS}" if bound and not silent else f"DPoP {DPOP_ALGS}"
        # The one that was used comes first; each in a line of its own, which every parser reads.
        for challenge in (dpop, bearer) if bound else (bearer, dpop):
            answer.raw_headers.append((b"www-authenticate", challenge.encode("ascii")))
    return answer


def bad_form(bad: BadForm) -> Response:
    """Answer a form that could not be read: 400 whatever it was (RFC 6749 §5.2)."""
    return json_answer(
        {
            "error": bad.error,
            "error_description": bad.description,
            "reason": "malformed",
            "action": "stop",
        },
        400,
    )


def unavailable() -> Response:
    """Answer that nothing can be decided now: 503, never yes."""
    body = {
        "error": "temporarily_unavailable",
        "error_description": "The server cannot do this now.",
        "reason": "unavailable",
        "action": "retry",
    }
    return json_answer(body, 503, {"Retry-After": "1"})


def authorization_header(request: Request) -> str | Refused | None:
    """Return the one Authorization header; two of them are refused."""
    found = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(found) > 1:
        return invalid_request("several_authorizations", "Send one Authorization header.")
    return found[0].decode("latin-1") if found else None


def request_id(request: Request) -> str | None:
    """Return the id of this request; the log line of the same id has the trace id as well."""
    return request.scope.get(REQUEST_ID)


def _body(refused: Refused) -> dict[str, object]:
    return {
        "error": refused.error,
        "error_description": refused.description,
        "reason": refused.reason,
        "action": refused.advice.value,
    }
