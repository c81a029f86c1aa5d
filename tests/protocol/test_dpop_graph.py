"""The OpenFGA API takes a bound token with its proof alone (RFC 9449 §7)."""

from collections.abc import AsyncIterator

import pytest

from server.web.routes.graph import STORE
from tests.protocol.test_graph_api import GRAPH, keeper
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.prover import Prover
from tests.support.world import World, world

PATH = f"/authz/stores/{STORE}/read"


@pytest.fixture
async def w(sqlite_databases: SqliteDatabases, clock: FrozenClock) -> AsyncIterator[World]:
    async with world(sqlite_databases, clock, authz_api=True, dpop_nonce=True) as made:
        yield made


@requirement("rfc9449:7.1:scheme", "rfc9449:7.2:not-as-bearer", "rfc9449:11.1:replay")
async def test_the_openfga_api_asks_for_the_proof_and_takes_it_once(w: World) -> None:
    mine, party = Prover(w), await keeper(w)
    form = {"grant_type": "client_credentials", "resource": GRAPH, "scope": "authz:read"}
    asked = await mine.token(form, party)
    assert asked.json()["error"] == "use_dpop_nonce"
    nonce = asked.headers["dpop-nonce"]
    token = (await mine.token(form, party, nonce=nonce)).json()["access_token"]

    async def read(scheme: str, proof: str | None) -> tuple[int, str, str]:
        headers = {"Authorization": f"{scheme} {token}"}
        if proof is not None:
            headers["DPoP"] = proof
        answer = await w.http.post(PATH, json={}, headers=headers)
        challenge = (answer.headers.get_list("www-authenticate") or [""])[0]
        return answer.status_code, answer.json().get("code", ""), challenge.partition(",")[0]

    def proof(path: str = PATH, **claims: str) -> str:
        return mine.proof("POST", path, token=token, **{"nonce": nonce, **claims})

    wrong = "auth_failed_invalid_bearer_token"
    one = proof()
    assert await read("DPoP", one) == (200, "", "")
    bad = 'DPoP error="invalid_dpop_proof"'
    assert await read("DPoP", one) == (401, wrong, bad)
    assert await read("DPoP", None) == (401, wrong, bad)
    assert await read("DPoP", proof("/authz/stores")) == (401, wrong, bad)
    assert await read("DPoP", proof(nonce="old")) == (401, wrong, 'DPoP error="use_dpop_nonce"')
    assert await read("Bearer", proof()) == (401, wrong, "Bearer")
    thief = Prover(w).proof("POST", PATH, token=token, nonce=nonce)
    assert await read("DPoP", thief) == (401, wrong, 'DPoP error="invalid_token"')
    assert await read("Basic", None) == (401, "bearer_token_missing", "Bearer")
