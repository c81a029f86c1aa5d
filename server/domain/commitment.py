"""What stays of personal facts after they are erased: a salted hash that proves nothing was added.

The salt is erased with the document, so that the hash of a guessable document tells nothing.
"""

import hashlib


def personal_commitment(salt: str, document: str) -> str:
    """Return SHA-256 (hex) over the lengths and bytes of salt and document."""
    salted = salt.encode()
    digest = hashlib.sha256(len(salted).to_bytes(4, "big") + salted)
    digest.update(document.encode())
    return digest.hexdigest()
