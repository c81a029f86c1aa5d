"""The consent flow of `tests/flows`, with OpenFGA saying what a person holds."""

# ruff: noqa: F401 - pytest finds these tests here a second time, with the fixtures of this folder
from collections.abc import AsyncIterator

import pytest

from authz.errors import CheckError
from authz.openfga.client import OpenFga
from authz.openfga.failure import Fault, RemoteFailure
from authz.openfga.graph import RemoteGraph
from authz.openfga.place import RemotePlace
from authz.openfga.push import push
from authz.openfga.shipper import Shipper
from authz.stores.applied import AppliedChanges
from tests.flows.test_consent import (
    test_a_consent_becomes_a_delegation_its_tuples_and_its_audit,
    test_asking_again_replaces_what_was_allowed_before,
    test_many_things_are_found_by_name_and_ticks_are_kept,
    test_objects_that_the_client_names_are_the_only_ones_offered,
    test_the_token_is_the_narrowed_delegation,
    test_two_details_of_one_resource_are_ticked_apart,
)
from tests.support.flow_site import Flow, open_flow
from tests.support.people_site import STORE, hidden
from tests.support.processes import ServerProcess
from tests.support.remote import new_store, ships_by_itself

pytestmark = pytest.mark.openfga


@pytest.fixture
async def flow(small_url: str, openfga: ServerProcess) -> AsyncIterator[Flow]:
    opened = await open_flow(small_url)
    core = opened.site.core
    place = RemotePlace(url=openfga.url, store=new_store(openfga.url), timeout_ms=10_000)
    remote = OpenFga(place)
    applied = AppliedChanges(STORE, place.store)
    shipper = Shipper(core.store, core.relations, applied, remote, core.clock, "flow")
    graph = RemoteGraph(
        core.store, core.relations, applied, remote,
        behind=shipper.wake.set, failed=lambda _fault: None,
    )  # fmt: skip
    await push(shipper, prune=False, told=lambda _what, _count: None)
    ships_by_itself(core, graph, shipper)
    yield opened
    await remote.close()
    await opened.close()


@pytest.fixture
def flow_anywhere(flow: Flow) -> Flow:
    return flow


async def test_a_page_that_cannot_know_what_is_held_is_503_and_no_consent(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await flow.person()
    page = await flow.authorize(browser)

    async def away(*_: object) -> list[bool | CheckError]:
        raise RemoteFailure(Fault.UNREACHABLE)

    core = flow.site.core
    monkeypatch.setattr(type(core.graph), "check_many", away)
    monkeypatch.setattr(type(core.graph), "list_objects", away)
    fields = {"decision": "allow", "duration": "session", "scope": ["docs:read"]}
    answer = await browser.post(
        "/consent", {**hidden(page.text), **fields, "object": ["folder:plans"]}
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert await flow.delegations() == []
    assert (await flow.authorize(await flow.person())).status_code == 503
