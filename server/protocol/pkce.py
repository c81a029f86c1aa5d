"""RFC 7636: proof of possession of the code, S256 only."""

import base64
import hashlib
import re

from server.domain.entropy import same

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def verifier_fits(verifier: str | None, challenge: str) -> bool:
    """Tell whether a code verifier belongs to an S256 challenge (RFC 7636 §4.6)."""
    if verifier is None or not _VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return same(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)
