"""The token endpoint as plain functions: client_credentials, token exchange, assertions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import Prover
from mcp_tools.client.errors import AuthorityEnded, ConsentRequired, NotGranted, TryAgain
from mcp_tools.discovery import ask
from mcp_tools.unavailable import IssuerUnavailable

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG: Final = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"

_BY_ACTION: Final[dict[object, type[NotGranted]]] = {
    "retry": TryAgain,
    "consent": ConsentRequired,
    "stop": AuthorityEnded,
}


@dataclass(frozen=True, slots=True)
class Token:
    """A token and what it is good for."""

    value: str = field(repr=False)
    expires_in: int
    """Seconds from the answer."""
    scope: str
    grant_id: str | None
    authorization_details: Any = None


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where and as whom tokens are asked for."""

    issuer: str
    url: str
    credentials: Credentials
    http: httpx2.AsyncClient
    prover: Prover | None = None
    """Binds the tokens to its key (RFC 9449 §5); without one they are bearer tokens."""


async def assertion_token(
    endpoint: TokenEndpoint, assertion: str, *, resource: str, scope: str | None = None
) -> Token:
    """Present an assertion of an issuer that is trusted there (RFC 7523 §2.1).

    Raises `AuthorityEnded`, `TryAgain` or `NotGranted`.
    """
    form = {"grant_type": JWT_BEARER, "assertion": assertion, "resource": resource}
    return await _request(endpoint, form if scope is None else {**form, "scope": scope})


async def identity_assertion(
    endpoint: TokenEndpoint, *, id_token: str, audience: str, resource: str, scope: str | None
) -> str:
    """Get an identity assertion (ID-JAG) for another authorization server, by an ID token.

    Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain` or `NotGranted`.
    """
    form = {
        "grant_type": EXCHANGE,
        "requested_token_type": ID_JAG,
        "audience": audience,
        "resource": resource,
        "subject_token": id_token,
        "subject_token_type": ID_TOKEN,
    }
    answer = await _request(
        endpoint, form if scope is None else {**form, "scope": scope}, token_type="n_a"
    )
    return answer.value


async def agent_token(
    endpoint: TokenEndpoint, *, resource: str | None = None, scope: str | None = None
) -> Token:
    """Get the agent's own token (RFC 6749 §4.4).

    Without a resource it is for the issuer: the actor token of an exchange. Raises
    `AuthorityEnded`, `TryAgain` or `NotGranted`.
    """
    optional = {"resource": resource, "scope": scope}
    form = {name: value for name, value in optional.items() if value is not None}
    return await _request(endpoint, {"grant_type": "client_credentials", **form})


async def exchange(
    endpoint: TokenEndpoint,
    *,
    subject_token: str,
    subject_token_type: str = ACCESS_TOKEN,
    actor_token: str | None,
    resource: str | None = None,
    audience: str | None = None,
    scope: str | None = None,
    grant_id: str | None = None,
    authorization_details: Sequence[object] | None = None,
) -> Token:
    """Exchange a token (RFC 8693 §2.1) for one target: a resource, or another agent's URI.

    Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain` or `NotGranted`.
    """
    form = {
        "grant_type": EXCHANGE,
        "subject_token": subject_token,
        "subject_token_type": subject_token_type,
        "requested_token_type": ACCESS_TOKEN,
    }
    if actor_token is not None:
        form |= {"actor_token": actor_token, "actor_token_type": ACCESS_TOKEN}
    optional = {"resource": resource, "audience": audience, "scope": scope, "grant_id": grant_id}
    form |= {name: value for name, value in optional.items() if value is not None}
    if authorization_details is not None:
        form["authorization_details"] = json.dumps(list(authorization_details))
    # A hand-over is bound to the agent that it is for, which cannot prove our key.
    may_be_bearer = audience is not None
    try:
        return await _request(endpoint, form, may_be_bearer=may_be_bearer)
    except ConsentRequired as needed:
        needed.scope, needed.resource = scope or "", resource or audience or ""
        raise


async def _request(
    endpoint: TokenEndpoint,
    form: dict[str, str],
    *,
    may_be_bearer: bool = False,
    token_type: str | None = None,
) -> Token:
    """Ask for a token; of `token_type`, or bound to our key if we have one, else a bearer token."""
    status, document, again = await _answer(endpoint, form)
    if again:
        # RFC 9449 §8: once more, with the nonce.
        status, document, _ = await _answer(endpoint, form)
    if status != 200:
        raise refusal(status, document)
    value, expires_in = document.get("access_token"), document.get("expires_in")
    if token_type == "n_a" and expires_in is None:
        expires_in = 0  # not kept: RFC 8693 §2.2.1 only recommends it, and the assertion says
    kind = str(document.get("token_type", "")).lower()
    if not isinstance(value, str) or not isinstance(expires_in, int):
        raise TryAgain("server_error", "unexpected_answer")
    bound = endpoint.prover is not None and not (may_be_bearer and kind == "bearer")
    if kind != (token_type or ("dpop" if bound else "bearer")):
        # RFC 9449 §5: a client that asked for a bound token discards a bearer token.
        raise TryAgain("server_error", "not_bound" if bound else "unexpected_answer")
    scope, grant_id = document.get("scope", ""), document.get("grant_id")
    return Token(
        value,
        expires_in,
        scope if isinstance(scope, str) else "",
        grant_id if isinstance(grant_id, str) else None,
        document.get("authorization_details"),
    )


async def _answer(
    endpoint: TokenEndpoint, form: dict[str, str]
) -> tuple[int, dict[str, Any], bool]:
    """Return status and document, and whether the proof only lacked the nonce that came."""
    # Credentials and proof are made anew each time: both are good once.
    sent, headers = dict(form), {"Accept": "application/json"}
    endpoint.credentials.apply(endpoint.issuer, sent, headers)
    if endpoint.prover is not None:
        headers["DPoP"] = endpoint.prover.proof("POST", endpoint.url)
    request = endpoint.http.build_request("POST", endpoint.url, data=sent, headers=headers)
    try:
        answer = await ask(endpoint.http, request)
        document = answer.json_object()
    except IssuerUnavailable as error:
        raise TryAgain("temporarily_unavailable", "checker_unavailable", str(error)) from None
    again = False
    if endpoint.prover is not None:
        lacked = endpoint.prover.learn(endpoint.url, answer.headers, headers["DPoP"])
        again = lacked and answer.status == 400 and document.get("error") == "use_dpop_nonce"
    return answer.status, document, again


def refusal(status: int, document: dict[str, Any]) -> NotGranted:
    """Turn an error answer (RFC 6749 §5.2) into the exception of its `action`."""
    found = {name: document.get(name) for name in ("error", "reason", "error_description")}
    error, reason, description = (
        value if isinstance(value, str) else "" for value in found.values()
    )
    kind = _BY_ACTION.get(document.get("action"))
    if kind is None:
        kind = TryAgain if status >= 500 or status == 429 else NotGranted
    return kind(error or f"http_{status}", reason, description)
