"""The ways to prove who one is, and what each is worth (RFC 8176 `amr`, OIDC Core `acr`).

A passkey or a one-time code is one more entry here, and one more `Step` that `next_step` returns.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from server.domain.people import ACR_PASSWORD


class Factor(StrEnum):
    """An authenticator that a person can have."""

    PASSWORD = "password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """What a proof by one factor is called in tokens."""

    factor: Factor
    amr: tuple[str, ...]
    """Authentication method references (RFC 8176 §2)."""
    acr: str
    """Authentication context that this factor alone reaches."""
    rank: int
    """Order of the contexts: a higher one includes the lower ones."""


AUTHENTICATORS: Final = MappingProxyType(
    {
        a.factor: a
        for a in (Authenticator(factor=Factor.PASSWORD, amr=("pwd",), acr=ACR_PASSWORD, rank=1),)
    }
)

ACR_VALUES: Final = tuple(a.acr for a in sorted(AUTHENTICATORS.values(), key=lambda a: a.rank))
"""The contexts that this server can reach, weakest first (`acr_values_supported`)."""


class Step(StrEnum):
    """What the person at the keyboard does next."""

    GIVE_PASSWORD = "give_password"
    DONE = "done"


def next_step(proven: Collection[Factor]) -> Step:
    """Return what is still to be proven before a session is made."""
    return Step.DONE if Factor.PASSWORD in proven else Step.GIVE_PASSWORD


def strength(proven: Collection[Factor]) -> tuple[str, tuple[str, ...]]:
    """Return the `acr` and `amr` of a session that was made with these proofs."""
    used = sorted((AUTHENTICATORS[factor] for factor in proven), key=lambda a: a.rank)
    return used[-1].acr, tuple(name for a in used for name in a.amr)


def satisfies(acr: str, wanted: Collection[str]) -> bool:
    """Tell whether a session of `acr` is as good as one of the `wanted` contexts.

    No wish is always met; a context that we do not know is never met.
    """
    ranks = {a.acr: a.rank for a in AUTHENTICATORS.values()}
    return not wanted or any(
        value in ranks and ranks.get(acr, 0) >= ranks[value] for value in wanted
    )
