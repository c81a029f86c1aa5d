"""Client Identifier URLs (draft-ietf-oauth-client-id-metadata-document-02, §3)."""

import re
from dataclasses import dataclass
from typing import Final

from server.outbound.errors import FetchRefused
from server.outbound.target import parse_target

SCHEME: Final = "https://"
MAX_URL: Final = 256
"""Characters. §3 recommends a short one; the `iss` of a client's assertion has no more either."""
_DOTS: Final = frozenset({".", ".."})
# RFC 3986 §2.3: these are dots, too.
_ESCAPED_DOT: Final = re.compile("%2e", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A URL that may name a client. `host` is in lower case, without a port."""

    url: str
    host: str


def is_url(client_id: str | None) -> bool:
    """Tell whether a client id may be meant as a URL; ours never begin so."""
    return client_id is not None and client_id.startswith(SCHEME)


def read_identifier(client_id: str) -> Identifier | None:
    """Read a Client Identifier URL, or none if it is not in the one form that we take.

    §3: https, a path, no dot segments, no user, no fragment. A query, which §3 says SHOULD NOT be
    there, and the bare path `/` are refused as well, and so is any spelling of the host but lower
    case: ids are compared as strings, so one client has one id.
    """
    if not is_url(client_id) or len(client_id) > MAX_URL or "?" in client_id:
        return None
    try:
        target = parse_target(client_id)
    except FetchRefused:
        return None
    authority, _, path = client_id.removeprefix(SCHEME).partition("/")
    if not path or authority != authority.lower():
        return None
    segments = _ESCAPED_DOT.sub(".", path).split("/")
    if not _DOTS.isdisjoint(segments):
        return None
    return Identifier(client_id, target.host)
