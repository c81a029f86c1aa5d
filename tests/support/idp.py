"""An identity provider, or a platform, that signs whatever a test wants; its keys are pinned."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from authz.jose import to_jwk
from authz.jose.algorithms import PrivateKey
from mcp_tools.client.credentials import compact
from server.domain.issuers import (
    Allowance,
    ClaimRule,
    Comparison,
    IssuerPurpose,
    TrustedIssuer,
    Workload,
)
from server.services.trusted_issuers import add_issuer
from tests.support.world import DOCS, ISSUER, Party, World

IDP = "https://acme.idp.example"
CI = "https://ci.example"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SUBJECT = "U019488227"
JOB = "repo:acme/shop:ref:refs/heads/main"


@dataclass
class Signer:
    """An issuer with one key."""

    world: World
    issuer: str
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "idp-1"
    count: int = 0

    def jwks(self) -> str:
        jwk = {**to_jwk(self.key.public_key()), "kid": self.kid, "alg": "ES256", "use": "sig"}
        return json.dumps({"keys": [jwk]})

    def sign(
        self, claims: dict[str, Any], header: dict[str, Any], *, key: PrivateKey | None = None
    ) -> str:
        """Sign; None takes a member away."""
        head = {"alg": "ES256", "kid": self.kid, **header}
        shown = [{k: v for k, v in part.items() if v is not None} for part in (head, claims)]
        return compact("ES256", key or self.key, *shown)

    def base(self) -> dict[str, Any]:
        """Return claims that every assertion has; each `jti` is new."""
        self.count += 1
        now = self.world.clock.now() // 1000
        return {
            "iss": self.issuer, "aud": ISSUER, "iat": now, "exp": now + 300,
            "jti": f"jti-{self.count}",
        }  # fmt: skip

    def jag(self, party: Party, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Make an identity assertion for a client; keyword arguments replace claims."""
        body = {
            **self.base(), "sub": SUBJECT, "client_id": party.client.id, "resource": DOCS,
            "scope": "docs:read docs:write", **claims,
        }  # fmt: skip
        return self.sign(body, {"typ": "oauth-id-jag+jwt", **(header or {})})

    def job(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Make the token of a workload."""
        body = {**self.base(), "sub": JOB, "repository_id": "74", **claims}
        return self.sign(body, {"typ": "JWT", **(header or {})})

    def trusted(self, purpose: IssuerPurpose, **changes: Any) -> TrustedIssuer:
        value = TrustedIssuer(
            id=self.issuer, purpose=purpose, algorithms=("ES256",), jwks=self.jwks()
        )
        return replace(value, **changes)


def allowance(party: Party, **changes: Any) -> Allowance:
    """Allow a client to read and write documents in one folder."""
    value = Allowance(
        client_id=party.client.id, resource=DOCS,
        scopes=frozenset({"docs:read", "docs:write"}), objects=("folder:tax",),
    )  # fmt: skip
    return replace(value, **changes)


async def enterprise(w: World, *allowances: Allowance, **changes: Any) -> Signer:
    """Trust an enterprise's identity provider."""
    idp = Signer(w, IDP)
    value = idp.trusted(IssuerPurpose.ID_JAG, allowances=allowances, **changes)
    await add_issuer(w.core, value, by="test")
    return idp


def rules(**equal: str) -> tuple[ClaimRule, ...]:
    """Return rules that compare whole claims."""
    return tuple(
        ClaimRule(claim=name, how=Comparison.EQUALS, value=value) for name, value in equal.items()
    )


async def platform(w: World, *workloads: Workload, **changes: Any) -> Signer:
    """Trust a platform of workloads."""
    signer = Signer(w, CI)
    value = signer.trusted(IssuerPurpose.WORKLOAD, workloads=workloads, **changes)
    await add_issuer(w.core, value, by="test")
    return signer
