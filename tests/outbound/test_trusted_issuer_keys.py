"""Keys of trusted issuers: pinned, at a `jwks_uri`, or discovered; only over TLS, only theirs."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from authz.jose import to_jwk
from server.domain.issuers import IssuerPurpose, TrustedIssuer
from server.services.issuer_keys import TrustedIssuerKeys
from tests.outbound.fixtures import authority, deadlines, fetcher, names, trust
from tests.outbound.origin import reply, serve
from tests.outbound.test_key_sets import keys
from tests.requirements import requirement

__all__ = ["authority", "deadlines", "fetcher", "names", "trust"]

PUBLIC = to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())


def trusted(issuer: str, **changes) -> TrustedIssuer:
    value = TrustedIssuer(id=issuer, purpose=IssuerPurpose.WORKLOAD, algorithms=("ES256",))
    return replace(value, **changes)


@pytest.fixture
def source(fetcher, clock) -> TrustedIssuerKeys:
    return TrustedIssuerKeys(fetcher, clock)


async def test_pinned_keys_are_never_fetched(authority, source):
    async with serve(authority, keys("other")) as origin:
        jwks = json.dumps({"keys": [{**PUBLIC, "kid": "a"}]})
        found = await source.keys_of(trusted(origin.url(""), jwks=jwks), kid="b")
        assert found is not None
        assert found.find("a") is not None
        assert found.find("other") is None
        assert origin.requests == []


@requirement("wif:jwks-tls")
async def test_keys_at_an_address_are_found_again_after_a_rotation(authority, source, clock):
    async with serve(authority, keys("a")) as origin:
        issuer = trusted("spiffe://prod.acme.example", jwks_uri=origin.url())
        found = await source.keys_of(issuer, kid="a")
        assert found is not None
        assert found.find("a") is not None
        origin.answer = keys("b")
        clock.advance(seconds=60)
        found = await source.keys_of(issuer, kid="b")
        assert found is not None
        assert found.find("b") is not None


async def test_an_issuer_without_an_address_is_discovered(authority, source):
    async with serve(authority, reply()) as origin:
        issuer = origin.url("")
        document = json.dumps({"issuer": issuer, "jwks_uri": origin.url("/jwks")}).encode()

        async def answer(request, writer):
            found = reply(document) if "openid-configuration" in request.line else keys("a")
            await found(request, writer)

        origin.answer = answer
        found = await source.keys_of(trusted(issuer), kid="a")
        assert found is not None
        assert found.find("a") is not None
        assert [r.line.split()[1] for r in origin.requests] == [
            "/.well-known/openid-configuration", "/jwks",
        ]  # fmt: skip


@pytest.mark.parametrize("stated", ["https://evil.example", "", None, 7])
async def test_a_document_of_another_issuer_gives_no_keys(authority, source, stated):
    async with serve(authority, reply()) as origin:
        origin.answer = reply(json.dumps({"issuer": stated, "jwks_uri": origin.url()}).encode())
        assert await source.keys_of(trusted(origin.url("")), kid="a") is None


@requirement("wif:jwks-tls")
async def test_without_keys_nobody_gets_in(authority, source):
    async with serve(authority, reply(b'{"keys": [{"kty": "oct", "k": "AA"}]}')) as origin:
        for issuer in (
            trusted("https://a.example", jwks_uri=origin.url()),
            trusted("https://b.example", jwks_uri=origin.url().replace("https:", "http:")),
            trusted("http://b.example"),
            trusted("https://c.example", jwks_uri="https://nowhere.test/jwks"),
            trusted("https://d.example", jwks='{"keys": [{"kty": "oct", "k": "AA"}]}'),
        ):
            assert await source.keys_of(issuer, kid="a") is None
