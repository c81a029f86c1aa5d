"""What a seal is: the one definition that the sealer and every verifier share (DESIGN 3.12).

    content = SHA-256(canonical JSON of the row's facts, its salt among them)
    body    = seal_seq (8 bytes) || content || personal commitment (or 32 zero bytes)
    seal    = SHA-256(seal of the row before || body);  the first row follows 32 zero bytes
    leaf    = the first 16 bytes of SHA-256(body)

A head signs number and seal of the last row of a batch, and a hash over the leaves of the batch,
so that after a re-hashing the row that differs can be named. Every part has a fixed length.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from server.domain.audit_trail import Head, TrailRow

HEAD_TYPE: Final = "mandate-audit-head+jwt"
FIRST: Final = "0" * 64
"""Stands before the first seal (hex)."""
_NOTHING: Final = bytes(32)
_LEAF: Final = 16
LEAF_TEXT: Final = 2 * _LEAF
"""Characters of a leaf in hex."""


def body(row: TrailRow, seq: int) -> bytes:
    """Return what is sealed of a row as number `seq`; raises `ValueError` for an odd commitment."""
    facts = orjson.dumps(row.facts, option=orjson.OPT_SORT_KEYS)
    committed = row.personal_commitment
    commitment = _NOTHING if committed is None else bytes.fromhex(committed)
    if len(commitment) != len(_NOTHING):
        raise ValueError("a commitment has 32 bytes")
    return seq.to_bytes(8, "big") + hashlib.sha256(facts).digest() + commitment


def next_seal(before: str, sealed: bytes) -> str:
    """Return the seal (hex) of the body `sealed` after the seal `before`."""
    return hashlib.sha256(bytes.fromhex(before) + sealed).hexdigest()


def leaf(sealed: bytes) -> str:
    """Return the short hash (hex) by which a row can be told apart in its batch."""
    return hashlib.sha256(sealed).digest()[:_LEAF].hex()


def head_claims(
    *, issuer: str, seal_seq: int, seal: str, leaves: Iterable[str], at: int
) -> Mapping[str, object]:
    """Return what a head says; `at` in Unix milliseconds, as in the rows."""
    listed = list(leaves)
    return {
        "iss": issuer,
        "seal_seq": seal_seq,
        "seal": seal,
        "count": len(listed),
        "at": at,
        "leaves": leaves_hash("".join(listed)),
    }


def leaves_hash(leaves: str) -> str:
    """Return SHA-256 (hex) over the leaves of a batch as they are stored."""
    return hashlib.sha256(leaves.encode()).hexdigest()


def count_of(head: Head) -> int:
    """Return how many rows a head closes, by its list of leaves."""
    return len(head.leaves) // LEAF_TEXT
