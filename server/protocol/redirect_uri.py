"""RFC 9700 §2.1: redirect URIs are compared as strings; RFC 8252 §7.3: but for a loopback port."""

import re
from collections.abc import Collection
from typing import Final

# The literal addresses alone: `localhost` may resolve to something else (RFC 8252 §8.3). No URL
# parser is asked, since two parsers may read one URL differently.
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|\[::1\])(?::([1-9][0-9]{0,4}))?(/[^#\\\s]*)?")
_MAX_PORT: Final = 65535


def is_registered(redirect_uri: str, registered: Collection[str]) -> bool:
    """Tell whether an answer may go to `redirect_uri`."""
    if redirect_uri in registered:
        return True
    asked = _without_port(redirect_uri)
    return asked is not None and any(asked == _without_port(known) for known in registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return host and rest of an http URI on a loopback address, or none for any other."""
    found = _LOOPBACK.fullmatch(uri)
    if found is None or (found[2] is not None and int(found[2]) > _MAX_PORT):
        return None
    return found[1], found[3] or ""
