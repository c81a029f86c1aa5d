"""DPoP at the edge of the server (RFC 9449): what the headers held, and a nonce on the way out."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from server.domain.refusal import Refused
from server.protocol.bearer import SentToken
from server.protocol.dpop import SentProof
from server.services import Services
from server.web.answers import authorization_header

_NONCE = b"dpop-nonce"


def sent_proof(request: Request, issuer: str) -> SentProof:
    """Return the DPoP headers of a request and what it was sent to.

    The address is the issuer's origin and the path, never the Host header: whoever relays a
    request chooses that.
    """
    parts, scope = urlsplit(issuer), request.scope
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw.partition(b"?")[0].decode("ascii", "replace")
    return SentProof(
        tuple(value.decode("latin-1") for name, value in scope["headers"] if name == b"dpop"),
        scope["method"],
        f"{parts.scheme}://{parts.netloc}{path}",
    )


def sent_token(request: Request, issuer: str) -> SentToken | Refused:
    """Return the access token of a request with its proof; a second Authorization is refused."""
    authorization = authorization_header(request)
    if isinstance(authorization, Refused):
        return authorization
    return SentToken(authorization, sent_proof(request, issuer))


def with_nonce(services: Services, request: Request, answer: Response) -> Response:
    """Add the nonce for the next proof to an answer to one (RFC 9449 §8.2)."""
    nonce = services.proofs.nonce()
    if nonce is not None and any(name == b"dpop" for name, _ in request.scope["headers"]):
        answer.raw_headers.append((_NONCE, nonce.encode()))
    return answer
