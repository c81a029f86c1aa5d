"""An agent's client with a key: every token is bound to it, every request proves it."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from joserfc import jwt
from joserfc.jwk import ECKey

from authz.dpop import verify_proof
from authz.jose import split
from authz.jose.algorithms import PrivateKey
from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret, PrivateKeyJwt
from mcp_tools.client.dpop import DPoPAuth, DPoPKey, Prover
from mcp_tools.client.errors import TryAgain
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from mcp_tools.edge import Edge
from mcp_tools.testing.issuer import ThrowawayIssuer
from mcp_tools.testing.loopback import serve
from tests.mcp_kit.archive import Archive, rpc
from tests.support.clock import FrozenClock
from tests.support.dpop import ath

URL = "https://rs.test/mcp"


@pytest.fixture
def served(clock: FrozenClock) -> Iterator[Archive]:
    archive = Archive(clock, ThrowawayIssuer(clock=clock))
    archive.issuer.rules.allow("usr_ann", "viewer", "document:1")

    def build(url: str) -> Edge:
        archive.resource = f"{url}/mcp"
        return archive.build(stateless=False, json_response=False, require_dpop=True).edge

    with serve(build):
        yield archive


def agent(archive: Archive, key: DPoPKey | None, **more: object) -> TokenExchangeAuth:
    subject = archive.issuer.token(
        user="usr_ann", agent="agt_a", scopes=["docs:read"], grant_id="dlg_7",
        resource=f"{archive.issuer.url}/agents/agt_a", expires_in=3600,
    )  # fmt: skip
    given = {"credentials": ClientSecret("a", "made-up"), "http": archive.issuer.http(), **more}
    return TokenExchangeAuth(
        issuer=archive.issuer.url, subject_token=subject, resource=archive.resource,
        scope="docs:read", clock=archive.clock, dpop=key,
        **given,  # type: ignore[arg-type]
    )  # fmt: skip


async def test_one_argument_binds_an_agent_to_its_key(served):
    key = DPoPKey.generate()
    auth = agent(served, key)
    async with auth, connect(auth) as mcp:
        for _ in range(2):
            told = await mcp.call_tool("whoami", {})
            assert not told.is_error, told
    token = (await auth.token()).value
    assert split(token).unverified_payload()["cnf"] == {"jkt": key.jkt}
    asked = [q for kind, q in served.issuer.endpoints.asked if kind == "evaluation"]
    assert asked[0]["subject"]["properties"] == {"cnf": {"jkt": key.jkt}}
    # Whoever copies the token has nothing.
    async with httpx2.AsyncClient(trust_env=False) as http:
        for scheme in ("Bearer", "DPoP"):
            headers = {"authorization": f"{scheme} {token}", "accept": "application/json"}
            stolen = await http.post(served.resource, json=rpc("ping"), headers=headers)
            assert stolen.status_code == 401
        theirs = DPoPAuth(DPoPKey.generate(), token, clock=served.clock)
        answer = await http.post(served.resource, json=rpc("ping"), auth=theirs)
        assert answer.json()["error"]["data"]["reason"] == "proof_key"


async def test_the_nonce_of_the_issuer_is_followed_once(archive):
    archive.issuer.endpoints.nonce = "first"
    key = ec.generate_private_key(ec.SECP256R1())
    # Each request has an assertion of its own: both are good once.
    auth = agent(archive, DPoPKey.generate(), credentials=PrivateKeyJwt("a", key, "k1"))
    assert (await auth.token()).value
    forms = [form for kind, form in archive.issuer.endpoints.asked if kind == "token"]
    # One question for the nonce, then the actor token and the exchange at once.
    assert [form["grant_type"].rpartition(":")[2] for form in forms] == [
        "client_credentials", "client_credentials", "token-exchange",
    ]  # fmt: skip
    assert len({form["client_assertion"] for form in forms}) == 3
    # A server that never has enough is not followed in circles.
    archive.issuer.endpoints.refusals = [
        {"error": "use_dpop_nonce", "reason": "proof_nonce", "action": "stop"} for _ in range(9)
    ]
    with pytest.raises(Exception, match="use_dpop_nonce"):
        await agent(archive, DPoPKey.generate()).token()
    assert len(archive.issuer.endpoints.refusals) == 8


async def test_a_bearer_token_is_discarded_where_a_bound_one_was_asked_for(archive):
    def downgraded(request: httpx2.Request) -> httpx2.Response:
        if "well-known" in request.url.path:
            url = archive.issuer.url
            return httpx2.Response(
                200, json={"issuer": url, "jwks_uri": f"{url}/jwks", "token_endpoint": f"{url}/t"}
            )
        return httpx2.Response(
            200, json={"access_token": "x.y.z", "token_type": "Bearer", "expires_in": 300}
        )

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(downgraded))
    with pytest.raises(TryAgain, match="not_bound"):
        await agent(archive, DPoPKey.generate(), http=http).token()
    # The other way round: nobody has the key of such a token.
    archive.issuer.endpoints.nonce = None
    assert (await agent(archive, None).token()).value


async def test_a_ticket_for_another_agent_may_be_a_bearer_token(archive):
    auth = agent(archive, DPoPKey.generate())
    ticket = await auth.hand_over(f"{archive.issuer.url}/agents/agt_b", "docs:read")
    assert "cnf" not in split(ticket.value).unverified_payload()


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_the_nonce_of_a_resource_is_followed_once(asynchronous):
    seen: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append((request.headers["authorization"], request.headers["dpop"]))
        claims = dict(split(request.headers["dpop"]).unverified_payload())
        if claims.get("nonce") == "n1" and len(seen) < 4:
            return httpx2.Response(200)
        challenge = 'DPoP error="use_dpop_nonce", algs="ES256"'
        headers = {"www-authenticate": challenge, "dpop-nonce": f"n{1 if len(seen) < 4 else 2}"}
        return httpx2.Response(401, headers=headers)

    auth = DPoPAuth(DPoPKey.generate(), "tok")
    url = f"{URL}?page=1#top"
    statuses = []
    for _ in range(3):
        if asynchronous:
            async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
                statuses.append((await http.get(url, auth=auth)).status_code)
        else:
            with httpx2.Client(transport=httpx2.MockTransport(answer)) as plain:
                statuses.append(plain.get(url, auth=auth).status_code)
    # Asked, answered; known; asked for another one, and then not again.
    assert statuses == [200, 200, 401]
    assert len(seen) == 5
    proofs = [split(proof).unverified_payload() for _, proof in seen]
    assert len({p["jti"] for p in proofs}) == 5
    assert {p["htu"] for p in proofs} == {URL}
    assert {p["ath"] for p in proofs} == {ath("tok")}
    assert {authorization for authorization, _ in seen} == {"DPoP tok"}


async def test_a_nonce_is_for_its_server_and_bounded(clock):
    prover = Prover(DPoPKey.generate(), clock=clock)
    assert prover.learn(URL, httpx2.Headers({"dpop-nonce": "n"}))
    assert not prover.learn(URL, httpx2.Headers({"dpop-nonce": "n"}))
    assert not prover.learn(URL, httpx2.Headers({"dpop-nonce": "x" * 2000}))
    for number in range(50):
        prover.learn(f"https://s{number}.test/", httpx2.Headers({"dpop-nonce": "m"}))
    for url, nonce in ((URL, None), ("https://s49.test/x", "m"), ("https://s49.test:8443/", None)):
        assert split(prover.proof("GET", url)).unverified_payload().get("nonce") == nonce


@pytest.mark.parametrize("alg", ["ES256", "ES384", "EdDSA", "RS256"])
def test_a_stored_key_makes_proofs_that_others_verify(clock, alg):
    kinds: dict[str, Callable[[], PrivateKey]] = {
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
    }
    private = kinds[alg]()
    stored = DPoPKey(private).to_pem(b"a pass phrase")
    assert b"ENCRYPTED" in stored
    key = DPoPKey.from_pem(stored, b"a pass phrase")
    proof = Prover(key, clock=clock).proof("POST", URL)
    found = verify_proof([proof], method="POST", address=URL, now=clock.now())
    assert found.jkt == key.jkt
    assert key.alg == alg
    if alg == "ES256":
        header = split(proof).header
        read = jwt.decode(proof, ECKey.import_key(dict(header["jwk"])), algorithms=["ES256"])
        assert read.claims["htm"] == "POST"
        assert "d" not in header["jwk"]
    assert "PRIVATE" not in repr(key)


def test_what_is_no_key_for_proofs_is_refused():
    stored = DPoPKey.generate().to_pem(b"right")
    other = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for pem, password in ((stored, None), (stored, b"wrong"), (b"x", None), (other, None)):
        with pytest.raises(ValueError, match="key"):
            DPoPKey.from_pem(pem, password)
