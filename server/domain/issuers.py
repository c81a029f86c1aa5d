"""Issuers outside that an administrator trusts: an enterprise's identity provider, or workloads.

Trust is written down, never discovered: without a row of its issuer an assertion is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from authz.tx import Tx
from server.domain.unit import Unit


class IssuerPurpose(StrEnum):
    """What assertions of an issuer are good for; one purpose an issuer."""

    ID_JAG = "id-jag"
    """Identity assertions of an enterprise's identity provider, for its people."""
    WORKLOAD = "workload"
    """Tokens of a platform (Kubernetes, GitHub Actions, SPIFFE) for what runs on it."""


class Comparison(StrEnum):
    """How a claim is compared, always with case."""

    EQUALS = "equals"
    PREFIX = "prefix"
    GLOB = "glob"
    """`*` stands for any run of characters that holds neither `/` nor `:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRule:
    """What one claim must be. `claim` is its name, or a JSON Pointer if it begins with `/`."""

    claim: str
    how: Comparison
    value: str

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether the claim is there, is text, and is as the rule says."""
        found = _at(claims, self.claim)
        if type(found) is not str:
            return False
        if self.how is Comparison.EQUALS:
            return found == self.value
        if self.how is Comparison.PREFIX:
            return found.startswith(self.value)
        pattern = "[^/:]*".join(re.escape(part) for part in self.value.split("*"))
        return re.fullmatch(pattern, found) is not None


def _at(claims: Mapping[str, Any], name: str) -> object:
    """Return a claim by its name or by a JSON Pointer (RFC 6901) through objects, else None."""
    if not name.startswith("/"):
        return claims.get(name)
    found: object = claims
    for part in name[1:].split("/"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part.replace("~1", "/").replace("~0", "~"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What an enterprise allows one client at one resource, for each of its people."""

    client_id: str
    resource: str
    scopes: frozenset[str]
    objects: tuple[str, ...] = ()
    """Graph objects, or `EVERYTHING` that the person may reach; none: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Which workload acts through which agent's client: all of `rules` must fit."""

    name: str
    client_id: str
    rules: tuple[ClaimRule, ...]

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether the claims are those of this workload; without rules nothing fits."""
        return bool(self.rules) and all(rule.fits(claims) for rule in self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer, its keys, what its assertions must look like, and what they are good for.

    `id` is the `iss` claim, compared as it is. Keys come from `jwks` (pinned), `jwks_uri`, or
    OpenID Connect Discovery if it names neither.
    """

    id: str
    purpose: IssuerPurpose
    algorithms: tuple[str, ...]
    jwks_uri: str | None = None
    jwks: str | None = None
    rules: tuple[ClaimRule, ...] = ()
    """What every assertion must fulfil as well, such as the tenant of a shared issuer."""
    max_lifetime: int = 300
    """Seconds that an assertion may be good for, and that its `exp` may lie ahead."""
    token_endpoint_audience: bool = False
    """Also accept the URL of our token endpoint as `aud`, beside our issuer."""
    reusable: bool = False
    """Workloads only: one token may be presented many times until it expires."""
    email_domains: tuple[str, ...] = ()
    """ID-JAG only: domains whose verified addresses this issuer decides on."""
    allowances: tuple[Allowance, ...] = ()
    workloads: tuple[Workload, ...] = ()
    created_at: int = 0

    def allowance(self, client_id: str, resource: str) -> Allowance | None:
        """Return what a client is allowed at a resource, or none."""
        for each in self.allowances:
            if (each.client_id, each.resource) == (client_id, resource):
                return each
        return None


def workload_family(issuer_id: str, name: str) -> str:
    """Return the family of the tokens of one workload, by which they are revoked together."""
    return f"workload:{issuer_id}#{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLink:
    """Who a subject of an issuer is here. One person has one subject at an issuer."""

    issuer: str
    subject: str
    user_id: str
    created_at: int


class TrustedIssuers(Protocol):
    """Trusted issuers by their `iss`."""

    def get(self, tx: Tx, issuer_id: str) -> TrustedIssuer | None: ...
    def held(self, tx: Unit, issuer_id: str) -> TrustedIssuer | None: ...
    def kept(self, tx: Unit, issuer_id: str) -> TrustedIssuer | None: ...
    def all(self, tx: Tx) -> list[TrustedIssuer]: ...
    def add(self, tx: Unit, value: TrustedIssuer) -> None: ...
    def update(self, tx: Unit, value: TrustedIssuer) -> None: ...
    def remove(self, tx: Unit, issuer_id: str) -> None: ...


class IdentityLinks(Protocol):
    """Linked identities."""

    def of_subject(self, tx: Tx, issuer_id: str, subject: str) -> IdentityLink | None: ...
    def of_user(self, tx: Tx, issuer_id: str, user_id: str) -> IdentityLink | None: ...
    def of_issuer(self, tx: Tx, issuer_id: str) -> list[IdentityLink]: ...
    def add(self, tx: Unit, value: IdentityLink) -> bool: ...
    def remove(self, tx: Unit, issuer_id: str, subject: str) -> bool: ...
    def remove_all(self, tx: Unit, issuer_id: str) -> int: ...
