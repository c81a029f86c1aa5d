"""Whom of the clients with a metadata document the house lets in: rules by host, then a default.

Draft-ietf-oauth-client-id-metadata-document-02, "Client ID Domain Trust".
"""

import re
from collections.abc import Iterable
from typing import Final

from server.domain.self_registration import Trust, TrustRule

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PATTERN: Final = re.compile(rf"(?:\*\.{_LABEL}\.)?{_LABEL}(?:\.{_LABEL})*|[0-9a-f:]*:[0-9a-f:]*")
MAX_PATTERN: Final = 253


def is_pattern(text: str) -> bool:
    """Tell whether a rule may name this: a host, or `*.` before a domain of two labels or more."""
    return len(text) <= MAX_PATTERN and _PATTERN.fullmatch(text) is not None


def trust_of(host: str, rules: Iterable[TrustRule], default: Trust) -> Trust:
    """Return what the rules say of a host: its own rule, else the longest `*.` above it."""
    found = {rule.pattern: rule.trust for rule in rules}
    if host in found:
        return found[host]
    labels = host.split(".")
    for start in range(1, len(labels)):
        above = "*." + ".".join(labels[start:])
        if above in found:
            return found[above]
    return default
