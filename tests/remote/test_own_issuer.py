"""Mandate is the issuer of the tokens that an OpenFGA server takes (its OIDC, RS256)."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from authz.openfga.client import OpenFga
from authz.openfga.failure import Fault, RemoteFailure
from authz.openfga.place import ClientCredentials, RemotePlace
from server.domain.registry import ClientAuth
from tests.support.live import live
from tests.support.openfga import openfga_process
from tests.support.remote import new_store
from tests.support.stage import ALL
from tests.support.world import DOCS, NOTES, Party, World

pytestmark = pytest.mark.openfga
GRAPH = "https://openfga.example"


async def _parties(w: World) -> tuple[Party, Party]:
    await w.resource(GRAPH, "graph", alg="RS256", token_ttl=900)
    await w.resource(NOTES, "notes", alg="RS256")
    server = await w.agent("server", {"graph:read"}, {GRAPH}, auth=ClientAuth.POST)
    other = await w.agent("other", ALL, {NOTES, DOCS}, auth=ClientAuth.POST)
    return server, other


def test_openfga_takes_the_tokens_that_mandate_gives_for_it(program: Path, tmp_path: Path) -> None:
    with live(tmp_path, _parties) as mandate:
        server, other = mandate.made

        def credentials(party: Party, audience: str, scope: str) -> ClientCredentials:
            assert party.secret is not None
            return ClientCredentials(
                issuer=f"{mandate.issuer}/token", client_id=party.client.id,
                secret=party.secret, audience=audience, scope=scope,
            )  # fmt: skip

        form = {
            "grant_type": "client_credentials", "client_id": server.client.id,
            "client_secret": server.secret, "audience": GRAPH, "scope": "graph:read",
        }  # fmt: skip
        answer = httpx2.post(f"{mandate.issuer}/token", data=form)
        assert answer.status_code == 200, answer.text
        # Two names for the target must be of one target (X6).
        twice = httpx2.post(f"{mandate.issuer}/token", data={**form, "resource": NOTES})
        assert (twice.status_code, twice.json()["error"]) == (400, "invalid_target")
        signed = {
            "authn-method": "oidc",
            "authn-oidc-issuer": mandate.issuer,
            "authn-oidc-audience": GRAPH,
        }
        with openfga_process(program, tmp_path, **signed) as process:
            token = answer.json()["access_token"]
            store = new_store(process.url, Authorization=f"Bearer {token}")
            place = RemotePlace(url=process.url, store=store, timeout_ms=10_000)
            good = credentials(server, GRAPH, "graph:read")
            asyncio.run(_probe(replace(place, client=good)))
            for bad in (
                None,
                credentials(other, NOTES, "notes:read"),
                credentials(other, GRAPH, "graph:read"),
                ClientCredentials(
                    issuer=good.issuer, client_id=good.client_id, secret="x" * 43,
                    audience=GRAPH, scope="graph:read",
                ),
            ):  # fmt: skip
                with pytest.raises(RemoteFailure) as refused:
                    asyncio.run(_probe(replace(place, client=bad)))
                assert refused.value.fault is Fault.CREDENTIALS, bad


async def _probe(place: RemotePlace) -> None:
    remote = OpenFga(place)
    try:
        await remote.probe()
    finally:
        await remote.close()
