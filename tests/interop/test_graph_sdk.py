"""openfga-sdk over the server's own graph, with its own client_credentials, sync and async."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from openfga_sdk import ClientConfiguration, OpenFgaClient
from openfga_sdk.client.models import ClientCheckRequest, ClientTuple, ClientWriteRequest
from openfga_sdk.credentials import CredentialConfiguration, Credentials
from openfga_sdk.exceptions import ForbiddenException
from openfga_sdk.sync import OpenFgaClient as SyncClient

from server.domain.registry import ClientAuth
from server.web.routes.graph import STORE
from tests.support.live import Live, live
from tests.support.world import Party, World


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Serve a graph with documents in it, and a program that may ask and write."""

    async def register(w: World) -> Party:
        await w.resource()
        uri = w.core.policy.graph_resource
        return await w.agent("keeper", {"authz:read", "authz:write"}, {uri}, auth=ClientAuth.POST)

    folder = tmp_path_factory.mktemp("graph")
    with live(folder, register, path="/t/acme", settings={"MANDATE_AUTHZ_API": "true"}) as made:
        yield made


def configured(served: Live) -> ClientConfiguration:
    given = CredentialConfiguration(
        api_issuer=f"{served.issuer}/token",
        api_audience=f"{served.issuer}/authz",
        client_id=served.made.client.id,
        client_secret=served.made.secret,
        scopes="authz:read authz:write",
    )
    return ClientConfiguration(
        api_url=f"{served.issuer}/authz",
        store_id=STORE,
        credentials=Credentials(method="client_credentials", configuration=given),
    )


async def walk(client: Any, user: str) -> None:
    async def done(result: Any) -> Any:
        return await result if asyncio.iscoroutine(result) else result

    asked = ClientCheckRequest(user=user, relation="viewer", object="document:1")
    assert (await done(client.check(asked))).allowed is False
    given = ClientTuple(user=user, relation="viewer", object="document:1")
    await done(client.write(ClientWriteRequest(writes=[given])))
    assert (await done(client.check(asked))).allowed is True
    assert user in {t.key.user for t in (await done(client.read(_any()))).tuples}
    models = await done(client.read_authorization_models())
    assert {t.type for t in models.authorization_models[0].type_definitions} >= {"document"}
    assert (await done(client.get_store())).id == STORE
    await done(client.write(ClientWriteRequest(deletes=[given])))
    assert (await done(client.check(asked))).allowed is False
    kept = ClientTuple(user="consent:dlg_x.0", relation="consented", object="document:1")
    with pytest.raises(ForbiddenException):
        await done(client.write(ClientWriteRequest(writes=[kept])))


def _any() -> Any:
    from openfga_sdk import ReadRequestTupleKey

    return ReadRequestTupleKey()


async def test_async(served: Live):
    async with OpenFgaClient(configured(served)) as client:
        await walk(client, "user:async")


async def test_sync(served: Live):
    def run() -> None:
        with SyncClient(configured(served)) as client:
            asyncio.run(walk(client, "user:sync"))

    await asyncio.to_thread(run)
