"""Who is let in: preshared keys, tokens of one issuer, and programs of this machine."""

from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.datastructures import Headers
from starlette.requests import Request

from authz.api.application import CALLS
from authz.api.gate import OpenGate, Permission, PresharedKeys
from authz.api.jwt_gate import JwtGate, KeysUnavailable
from authz.jose import KeySet, from_jwk, to_jwk
from authz.jose.algorithms import sign
from authz.jose.compact import encode_segment
from server.outbound.errors import FetchFault, FetchRefused
from server.outbound.fetcher import Document
from server.outbound.issuer_keys import IssuerKeys

ISSUER = "https://issuer.example"
AUDIENCE = "https://relations.example"
OLD, NEW = "the-old-preshared-key", "the-new-preshared-key"


def sent(*authorization: str, **more: str) -> Headers:
    raw = [(b"authorization", value.encode("latin-1")) for value in authorization]
    return Headers(raw=raw + [(k.encode(), v.encode()) for k, v in more.items()])


async def admitted(gate: Any, headers: Headers, wanted: Permission = Permission.READ) -> str:
    request = Request({"type": "http", "headers": headers.raw})
    shut = await gate.admit(request, wanted)
    return "in" if shut is None else shut.code


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ((f"Bearer {OLD}",), "in"),
        ((f"bearer {NEW}",), "in"),
        ((), "bearer_token_missing"),
        (("Bearer",), "bearer_token_missing"),
        (("Bearer ",), "bearer_token_missing"),
        ((f"Basic {OLD}",), "bearer_token_missing"),
        ((f"Bearer {OLD}", f"Bearer {OLD}"), "bearer_token_missing"),
        ((f"Bearer {OLD}{NEW}",), "unauthenticated"),
        ((f"Bearer {OLD},{NEW}",), "unauthenticated"),
        ((f"Bearer {OLD[:-1]}",), "unauthenticated"),
        ((f"Bearer {OLD.upper()}",), "unauthenticated"),
        (("Bearer \xff",), "unauthenticated"),
    ],
)
async def test_a_preshared_key_is_whole_and_alone(authorization, code):
    assert await admitted(PresharedKeys([OLD, NEW]), sent(*authorization)) == code


@pytest.mark.parametrize("keys", [[], [""], ["short"], [OLD, ""]])
def test_no_gate_stands_open_for_want_of_a_key(keys):
    with pytest.raises(ValueError, match="preshared key"):
        PresharedKeys(keys)


def test_a_gate_keeps_no_key():
    gate = PresharedKeys([OLD])
    assert OLD not in repr(vars(gate))


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (sent(host="127.0.0.1:8081"), "in"),
        (sent(host="localhost"), "in"),
        (sent(host="[::1]:8081"), "in"),
        # A page posts across sites, from a sandbox, or under a name that points here.
        (sent(host="127.0.0.1:8081", origin="https://evil.example"), "forbidden"),
        (sent(host="127.0.0.1:8081", origin="null"), "forbidden"),
        (sent(host="evil.example:8081"), "forbidden"),
        (sent(host="127.0.0.1.evil.example"), "forbidden"),
        (sent(host=""), "forbidden"),
        (sent(host="["), "forbidden"),
        (Headers(raw=[(b"host", b"127.0.0.1"), (b"host", b"evil.example")]), "forbidden"),
        (sent(), "forbidden"),
    ],
)
async def test_without_keys_only_programs_of_this_machine_may_call(headers, code):
    assert await admitted(OpenGate(), headers) == code


PRIVATE = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def _jwk(private: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, str]:
    return {**to_jwk(private.public_key()), "kid": kid, "alg": "ES256"}


KEYS = KeySet([from_jwk(_jwk(PRIVATE, "k1"))])


def token_of(
    clock: Any,
    *,
    private: ec.EllipticCurvePrivateKey = PRIVATE,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    now = clock.now() // 1000
    payload = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "svc", "scope": "authz:read other",
        "iat": now, "exp": now + 300, **claims,
    }  # fmt: skip
    head = {"alg": "ES256", "kid": "k1", "typ": "at+jwt", **(header or {})}
    text = b".".join(
        encode_segment(orjson.dumps({k: v for k, v in part.items() if v is not None}))
        for part in (head, payload)
    )
    return (text + b"." + encode_segment(sign("ES256", private, text))).decode()


async def _keys(kid: str | None) -> KeySet:
    return KEYS


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "in"),
        ({"aud": ["https://other.example", AUDIENCE]}, "in"),
        ({"header": {"typ": "JWT"}}, "in"),
        ({"header": {"typ": None, "kid": None}}, "in"),
        ({"aud": "https://other.example"}, "auth_failed_invalid_audience"),
        ({"aud": None}, "auth_failed_invalid_audience"),
        ({"iss": "https://evil.example"}, "auth_failed_invalid_issuer"),
        ({"iss": ISSUER + "/"}, "auth_failed_invalid_issuer"),
        ({"exp": 1}, "invalid_claims"),
        ({"exp": None}, "invalid_claims"),
        ({"exp": "tomorrow"}, "invalid_claims"),
        ({"nbf": 2**39}, "invalid_claims"),
        ({"private": OTHER}, "auth_failed_invalid_bearer_token"),
        ({"header": {"alg": "none"}}, "auth_failed_invalid_bearer_token"),
        ({"header": {"alg": "HS256"}}, "auth_failed_invalid_bearer_token"),
        ({"header": {"typ": "id+jwt"}}, "auth_failed_invalid_bearer_token"),
        ({"header": {"typ": "dpop+jwt"}}, "auth_failed_invalid_bearer_token"),
        ({"header": {"kid": "k2"}}, "auth_failed_invalid_bearer_token"),
        ({"header": {"jku": "https://evil.example"}}, "auth_failed_invalid_bearer_token"),
        # An agent for a person edits no relations, whoever may.
        ({"act": {"sub": "agent:1"}}, "auth_failed_invalid_bearer_token"),
        ({"scope": None}, "forbidden"),
        ({"scope": ""}, "forbidden"),
        ({"scope": "authz:readers authz"}, "forbidden"),
        ({"scope": "authz:write authz:admin"}, "forbidden"),
        ({"scope": ["authz:read"]}, "invalid_claims"),
        ({"act": {}}, "auth_failed_invalid_bearer_token"),
        ({"may_act": {"sub": "agent:1"}}, "auth_failed_invalid_bearer_token"),
    ],
)
async def test_a_token_is_the_issuer_s_and_for_this_api(clock, changes, code):
    gate = JwtGate(issuer=ISSUER, audience=AUDIENCE, keys=_keys, clock=clock)
    assert await admitted(gate, sent(f"Bearer {token_of(clock, **changes)}")) == code


@pytest.mark.parametrize("wanted", Permission)
async def test_a_scope_opens_its_own_calls_alone(clock, wanted):
    gate = JwtGate(issuer=ISSUER, audience=AUDIENCE, keys=_keys, clock=clock)
    for held in Permission:
        token = sent(f"Bearer {token_of(clock, scope=f'authz:{held.value}')}")
        assert await admitted(gate, token, wanted) == ("in" if held is wanted else "forbidden")


async def test_an_issuer_without_scopes_may_be_told_of(clock):
    gate = JwtGate(issuer=ISSUER, audience=AUDIENCE, keys=_keys, clock=clock, scoped=False)
    token = sent(f"Bearer {token_of(clock, scope=None)}")
    assert [await admitted(gate, token, wanted) for wanted in Permission] == ["in"] * 3
    other = sent(f"Bearer {token_of(clock, scope=None, aud='https://other.example')}")
    assert await admitted(gate, other) == "auth_failed_invalid_audience"


def test_each_call_needs_the_permission_of_what_it_does():
    needed = {f"{call.method} {call.path}": call.permission.value for call in CALLS}
    assert needed == {
        "POST /stores": "admin",
        "GET /stores": "admin",
        "GET /stores/{store_id}": "read",
        "POST /stores/{store_id}/explain": "read",
        "POST /stores/{store_id}/reach": "read",
        "POST /stores/{store_id}/what-if": "read",
        "POST /stores/{store_id}/delete-matching": "write",
        "DELETE /stores/{store_id}": "admin",
        "POST /stores/{store_id}/authorization-models": "admin",
        "GET /stores/{store_id}/authorization-models": "read",
        "GET /stores/{store_id}/authorization-models/{id}": "read",
        "GET /stores/{store_id}/assertions/{model_id}": "read",
        "PUT /stores/{store_id}/assertions/{model_id}": "admin",
        "POST /stores/{store_id}/write": "write",
        "POST /stores/{store_id}/read": "read",
        "GET /stores/{store_id}/changes": "read",
        "POST /stores/{store_id}/check": "read",
        "POST /stores/{store_id}/batch-check": "read",
        "POST /stores/{store_id}/expand": "read",
        "POST /stores/{store_id}/list-objects": "read",
        "POST /stores/{store_id}/streamed-list-objects": "read",
        "POST /stores/{store_id}/list-users": "read",
    }


async def test_what_is_no_token_is_refused(clock):
    gate = JwtGate(issuer=ISSUER, audience=AUDIENCE, keys=_keys, clock=clock)
    for text in ("x", "a.b.c", "." * 3, "a" * 9000, token_of(clock)[:-2], "\xff"):
        code = await admitted(gate, sent(f"Bearer {text}"))
        assert code == "auth_failed_invalid_bearer_token"
    assert await admitted(gate, sent()) == "bearer_token_missing"


async def test_a_bearer_that_holds_a_key_is_not_bound_by_us_and_so_refused(clock):
    # A proof of possession that we do not check must not be ignored (X1).
    gate = JwtGate(issuer=ISSUER, audience=AUDIENCE, keys=_keys, clock=clock)
    bound = token_of(clock, cnf={"jkt": "x"})
    assert await admitted(gate, sent(f"Bearer {bound}")) == "auth_failed_invalid_bearer_token"


async def test_without_the_issuer_s_keys_nobody_gets_in(clock):
    async def gone(kid: str | None) -> KeySet:
        raise KeysUnavailable("offline")

    gate = JwtGate(issuer=ISSUER, audience=AUDIENCE, keys=gone, clock=clock)
    assert await admitted(gate, sent(f"Bearer {token_of(clock)}")) == "unavailable"


class _Site:
    """What a fetcher gets from an issuer's site."""

    def __init__(self, **documents: bytes) -> None:
        self.documents = {f"{ISSUER}/{name}": body for name, body in documents.items()}
        self.asked: list[str] = []

    async def fetch(self, url: str, rules: object, *, anew: bool = False) -> Document:
        self.asked.append(url)
        for place, body in self.documents.items():
            if url.replace(".well-known/openid-configuration", "discovery") == place:
                return Document(url, body, 0)
        raise FetchRefused(FetchFault.STATUS, "issuer.example")


JWKS = orjson.dumps({"keys": [_jwk(PRIVATE, "k1")]})


def _discovery(**changes: Any) -> bytes:
    return orjson.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", **changes})


async def test_keys_are_found_where_the_discovery_document_says(clock):
    site: Any = _Site(discovery=_discovery(), jwks=JWKS)
    found = await IssuerKeys(ISSUER, "", site, clock).keys("k1")
    assert found.find("k1") is not None
    named = await IssuerKeys(ISSUER, f"{ISSUER}/jwks", site, clock).keys("k1")
    assert named.find("k1") is not None


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", _discovery(issuer="https://evil.example"), _discovery(jwks_uri=1)],
)
async def test_a_discovery_document_that_is_not_the_issuer_s_gives_no_keys(clock, document):
    site: Any = _Site(discovery=document, jwks=JWKS)
    with pytest.raises(KeysUnavailable):
        await IssuerKeys(ISSUER, "", site, clock).keys("k1")
    with pytest.raises(KeysUnavailable):
        await IssuerKeys(ISSUER, f"{ISSUER}/nothing", site, clock).keys("k1")
