"""Client ID Metadata Documents, read strictly (draft-…-client-id-metadata-document-02 §4)."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from authz.jose import InvalidToken
from authz.jose.strict_json import parse_object
from server.domain.registry import ClientAuth
from server.protocol.redirect_uri import is_local
from server.protocol.registration.claims import BadMetadata, Claims, read_claims
from server.protocol.registration.identifier import Identifier

# §4.1: no shared secret can exist, so none may be named.
_METHODS: Final = frozenset({ClientAuth.NONE, ClientAuth.PRIVATE_KEY_JWT})
_SECRETS: Final = ("client_secret", "client_secret_expires_at")


def read_document(identifier: Identifier, body: bytes) -> Claims:
    """Return what the document at `identifier` says; raises `BadMetadata`."""
    try:
        given = parse_object(body)
    except InvalidToken:
        raise BadMetadata("The metadata document is no JSON object.") from None
    # §4: compared as strings, so that nobody can publish a document for somebody else's id.
    if given.get("client_id") != identifier.url:
        raise BadMetadata("client_id in the metadata document is not its own URL.")
    if any(name in given for name in _SECRETS):
        raise BadMetadata("A metadata document has no client_secret.")
    claims = read_claims(given, methods=_METHODS, default=ClientAuth.NONE)
    for uri in (*claims.redirect_uris, *claims.post_logout_redirect_uris):
        # §7.1: the host that a person reads on the consent page is where the answer goes, unless
        # it stays on their own computer, of which the page warns.
        if not is_local(uri) and urlsplit(uri).hostname != identifier.host:
            raise BadMetadata(
                "A redirect URI is at another host than the metadata document.",
                "invalid_redirect_uri",
            )
    if claims.logo_uri is not None and urlsplit(claims.logo_uri).hostname != identifier.host:
        # Nothing is fetched from a host that nobody has allowed.
        return replace(claims, logo_uri=None)
    return claims
