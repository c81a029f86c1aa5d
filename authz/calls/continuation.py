"""Continuation tokens: where the next page begins, good for one call, store and selection.

A token is read strictly and names no store of its own, so the worst that a made-up one does is to
begin a page elsewhere in a selection that its sender may read anyway.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

import orjson

from authz.calls.refusals import InvalidContinuation

MAX_TOKEN = 5120
"""Characters, as OpenFGA's."""


def give(call: str, scope: Sequence[str], place: Sequence[str | int]) -> str:
    """Return the token for what comes behind `place` in the selection `scope` of a call."""
    content = orjson.dumps([_digest(call, scope), *place])
    return base64.urlsafe_b64encode(content).decode()


def take(call: str, scope: Sequence[str], token: str, shape: Sequence[type]) -> list[str | int]:
    """Return the place that a token names. Raises InvalidContinuation.

    `shape` says of which types the place consists.
    """
    refused = InvalidContinuation("Invalid continuation token")
    if len(token) > MAX_TOKEN:
        raise refused
    try:
        content = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        parts = orjson.loads(content)
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as error:
        raise refused from error
    if not isinstance(parts, list) or len(parts) != len(shape) + 1:
        raise refused
    digest, *place = parts
    if digest != _digest(call, scope) or [type(part) for part in place] != list(shape):
        raise refused
    # A database has neither of these.
    if any(part < -1 or part >= 2**63 if type(part) is int else "\0" in part for part in place):
        raise refused
    return place


def _digest(call: str, scope: Sequence[str]) -> str:
    return hashlib.sha256(orjson.dumps([call, *scope])).hexdigest()[:16]
