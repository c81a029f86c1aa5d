"""How clients come here: metadata documents, dynamic registration (RFC 7591, RFC 7592), MCP's rules."""

from tests.manifest.entry import entries

_CIMD = """
cimd:3:url | §3 | A client id is an https URL with a path, without user, fragment or dot segments; compared as a string.
cimd:4:client-id-equal | §4 | client_id in the document equals the URL that it was fetched from.
cimd:4.1:no-secret | §4.1 | No shared secret, no symmetric method, no private key in a document.
cimd:4.2:redirect-exact | §4.2 | A redirect URI of a request is one of the document's.
cimd:5:fetched | §5 | The document at an unknown client's URL is fetched at the authorization request.
cimd:5:200-only | §5 | Any answer but 200 is an error.
cimd:5:no-redirects | §5 | No redirect is followed.
cimd:5.3:cached | §5.3 | HTTP cache headers are respected, within bounds; errors and bad documents are not kept.
cimd:6:advertised | §6 | client_id_metadata_document_supported says whether it is on.
cimd:7.2:key | §7.2 | A client that says private_key_jwt authenticates with the keys that it publishes.
cimd:7.4:changes | §7.4 | A changed document counts for what comes after; nothing that a person saw changes behind their back.
cimd:7.5:hostname | §7.5 | The host of the client id is shown at consent.
cimd:7.6:special-addresses | §7.6 | No special-use address is fetched from; loopback only while the server itself is on loopback.
cimd:7.7:size | §7.7 | At most 5 kilobytes are read.
cimd:7.8:logo | §7.8 | A picture is fetched beforehand, kept, and served by the server itself; nothing that could run.
cimd:7.9:trust | §7.9 | Hosts are allowed, asked about or denied, by rules of the operator.
"""

_RFC7591 = """
rfc7591:2:defaults | §2 | Omitted metadata has the defaults of the RFC; what cannot be granted is replaced and told.
rfc7591:2:jwks-or-uri | §2 | jwks and jwks_uri exclude each other.
rfc7591:3:initial-token | §3 | Where registration is protected, an initial access token is required.
rfc7591:3.2.1:201 | §3.2.1 | The answer is 201 with all registered metadata, not stored by caches.
rfc7591:3.2.2:errors | §3.2.2 | invalid_redirect_uri and invalid_client_metadata.
rfc7591:5:no-authority | §5 | A client that registers itself gets no authority of its own.
"""

_RFC7592 = """
rfc7592:2:own-token | §2 | Only the registration access token of this very client reads, updates or deletes it.
rfc7592:2.2:revalidated | §2.2 | An update is checked as a registration is, and replaces it whole.
rfc7592:2.3:deleted | §2.3 | A deleted client, its grants and its tokens are dead at once.
"""

_MCP = """
mcp:as:cimd | Authorization 2026-07-28, A8 | Client ID Metadata Documents are supported and advertised.
mcp:as:cimd-document | Authorization 2026-07-28, A9 | The document is valid JSON with client_id, client_name and redirect_uris.
mcp:as:cimd-consent | Authorization 2026-07-28, A9 | The consent page shows the redirect host, and warns of localhost-only clients.
mcp:as:dcr | Authorization 2026-07-28, A10 | Dynamic registration, for clients that know nothing newer; advertised only while it is on.
"""

REGISTRATION = (
    *entries("Client ID Metadata Document draft -02", _CIMD),
    *entries("RFC 7591", _RFC7591),
    *entries("RFC 7592", _RFC7592),
    *entries("MCP:", _MCP),
)
