"""Attacks on the edge by forged or foreign tokens, named by attack; each with its control."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authz.jose import to_jwk
from mcp_tools.testing.minting import Minter
from tests.mcp_kit.archive import RESOURCE, Archive, call, failed, rpc
from tests.requirements import requirement


def _b64(document: object) -> str:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _payload(token: str) -> str:
    return token.split(".")[1]


async def _refused(archive: Archive, token: str, reason: str = "token_invalid") -> None:
    """The forged token is refused with 401, the honest one beside it passes."""
    async with archive.open() as http:
        answer = await call(http, token, "whoami")
        assert answer.status_code == 401
        assert answer.json()["error"]["data"]["reason"] == reason
        challenge = answer.headers["www-authenticate"]
        assert 'error="invalid_token"' in challenge
        assert (
            'resource_metadata="http://127.0.0.1:8765/.well-known/oauth-protected-resource/mcp"'
            in challenge
        )
        assert not failed(await call(http, archive.token(), "whoami"))
    assert [kind for kind, _ in archive.issuer.endpoints.asked].count("evaluation") == 1


@requirement("mcp:token:validated", "rfc9068:4:signature")
async def test_alg_none(archive: Archive) -> None:
    header = {"alg": "none", "typ": "at+jwt", "kid": "test-1"}
    await _refused(archive, f"{_b64(header)}.{_payload(archive.token())}.")


async def test_alg_none_with_a_signature(archive: Archive) -> None:
    header = {"alg": "none", "typ": "at+jwt", "kid": "test-1"}
    await _refused(archive, f"{_b64(header)}.{_payload(archive.token())}.{_b64(b'x' * 64)}")


@requirement("rfc9068:4:signature")
async def test_hs256_with_the_public_key_as_secret(archive: Archive) -> None:
    public = archive.issuer.minter.key.public_key()
    secret = _b64(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    claims = json.loads(base64.urlsafe_b64decode(_payload(archive.token()) + "=="))
    token = jwt.encode(claims, secret, "HS256", {"typ": "at+jwt", "kid": "test-1"})
    await _refused(archive, token)


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
async def test_a_key_or_its_address_inside_the_token(archive: Archive, member: str) -> None:
    own = Minter(archive.issuer.url, archive.clock, lambda: "own", kid="evil")
    value = {"jwk": to_jwk(own.key.public_key())}.get(member, "https://evil.test/jwks")
    token = own.mint(
        sub="usr_ann",
        agents=["agt_a"],
        audience=RESOURCE,
        client_id="cli_a",
        scopes=["docs:read"],
        header={member: value},
    )
    await _refused(archive, token)


@requirement("mcp:token:validated", "rfc9068:4:signature")
async def test_another_key_under_the_known_key_id(archive: Archive) -> None:
    own = Minter(archive.issuer.url, archive.clock, lambda: "own")
    token = own.mint(
        sub="usr_ann",
        agents=["agt_a"],
        audience=RESOURCE,
        client_id="cli_a",
        scopes=["docs:read"],
    )
    await _refused(archive, token)


async def test_a_critical_header_that_we_do_not_know(archive: Archive) -> None:
    await _refused(archive, archive.token(header={"crit": ["exp"]}))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "b64"])
async def test_such_a_header_even_under_a_good_signature(archive: Archive, member: str) -> None:
    await _refused(archive, archive.token(header={member: "https://evil.test/jwks"}))


@pytest.mark.parametrize("alg", ["RS256", "EdDSA", "ES384", "PS256", "es256", "", 256, ["ES256"]])
async def test_an_algorithm_that_is_not_the_keys_own(archive: Archive, alg: object) -> None:
    # The signature is good for the key: only the header says something else.
    await _refused(archive, archive.token(header={"alg": alg}))


@pytest.mark.parametrize("typ", ["JWT", "id_token+jwt", "dpop+jwt", None])
@requirement("rfc9068:4:typ-checked")
async def test_an_id_token_or_another_kind_as_access_token(
    archive: Archive, typ: str | None
) -> None:
    await _refused(archive, archive.token(header={"typ": typ}), "wrong_kind")


@requirement("x4:handover-token-only-here")
async def test_a_handover_token_at_a_resource(archive: Archive) -> None:
    await _refused(archive, archive.token(claims={"may_act": {"sub": "agt_b"}}), "wrong_kind")


@pytest.mark.parametrize(
    "audience",
    [
        "http://127.0.0.1:8765/notes",
        "http://127.0.0.1:8765/mcp/",
        "http://127.0.0.1:8765",
        [RESOURCE, "http://127.0.0.1:9999/mcp"],
        [],
        None,
    ],
)
@requirement("mcp:token:audience", "rfc9068:4:aud-self")
async def test_a_token_for_another_or_for_several_servers(
    archive: Archive, audience: object
) -> None:
    await _refused(archive, archive.token(claims={"aud": audience}), "wrong_audience")


@requirement("rfc9068:4:iss-exact")
async def test_another_issuer(archive: Archive) -> None:
    await _refused(archive, archive.token(claims={"iss": "https://issuer.test/"}))


@requirement("rfc9068:4:exp", "mcp:401:invalid")
async def test_an_expired_token_to_the_millisecond(archive: Archive) -> None:
    token = archive.token(expires_in=60)
    archive.clock.advance(seconds=60, ms=-1)
    async with archive.open() as http:
        assert not failed(await call(http, token, "whoami"))
        archive.clock.advance(ms=1)
        answer = await call(http, token, "whoami")
    assert answer.status_code == 401
    assert answer.json()["error"]["data"]["reason"] == "token_expired"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": 1e300},
        {"sub": None},
        {"sub": 7},
        {"jti": None},
        {"client_id": ""},
        {"scope": ["docs:read"]},
        {"act": "agt_a"},
        {"act": {"act": {"sub": "agt_a"}}},
        {"act": {"sub": ""}},
        {"cnf": {"jkt": "x"}},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
    ],
)
@requirement("rfc9068:2.2:claims")
async def test_claims_that_are_missing_or_of_another_type(archive: Archive, claims: dict) -> None:
    await _refused(archive, archive.token(claims=claims))


async def test_a_chain_longer_than_any_that_is_granted(archive: Archive) -> None:
    await _refused(archive, archive.token(agent=[f"agt_{n}" for n in range(9)]))


@pytest.mark.parametrize(
    "token", ["x", "a.b", "a.b.c.d.e", "é.é.é", "." * 9000, "a" * 9000, "..", "{}.{}.{}"]
)
@requirement("mcp:401:invalid")
async def test_what_is_no_token_at_all(archive: Archive, token: str) -> None:
    async with archive.open() as http:
        headers = {b"authorization": f"Bearer {token}".encode("latin-1")}
        answer = await http.post(RESOURCE, json=rpc("ping"), headers=headers)
    assert answer.status_code == 401
