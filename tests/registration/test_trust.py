"""The trust policy: which hosts' clients come in, whom a person is told to ask, what stops."""

import json
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.domain.audit import AuditTag
from server.domain.registry import Status
from server.domain.self_registration import Trust, TrustRule
from server.protocol.registration.ask import MOST_WAITING, ask_for
from server.protocol.registration.trust import is_pattern, trust_of
from server.services.client_trust import remove_trust, set_trust, trust_policy
from server.services.registration import RegistrationError, set_client_status
from tests.outbound.origin import Authority, Request, reply
from tests.registration.publisher import HOST, Publisher, request
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.world import World, world


@pytest.fixture
async def asking(
    databases: Databases, clock: FrozenClock, authority: Authority
) -> AsyncIterator[World]:
    """Run a server with the default policy: ask."""
    async with world(databases, clock, outbound_ca_file=authority.ca_file) as made:
        yield made


def rules(**given: Trust) -> list[TrustRule]:
    return [
        TrustRule(pattern=name.replace("any_", "*.").replace("_", "."), trust=trust, created_at=0)
        for name, trust in given.items()
    ]


@pytest.mark.parametrize(
    ("host", "trust"),
    [
        ("tools.example.com", Trust.ALLOW), ("a.b.example.com", Trust.ALLOW),
        ("bad.example.com", Trust.DENY), ("x.bad.example.com", Trust.ALLOW),
        ("a.new.example.com", Trust.ASK), ("example.com", Trust.DENY),
        ("evilexample.com", Trust.DENY), ("example.com.evil.org", Trust.DENY),
        ("tools.example.com.", Trust.DENY), ("com", Trust.DENY), ("", Trust.DENY),
    ],
)  # fmt: skip
@requirement("cimd:7.9:trust")
def test_the_closest_rule_decides_and_a_domain_is_not_its_neighbours(
    host: str, trust: Trust
) -> None:
    given = rules(
        any_example_com=Trust.ALLOW, bad_example_com=Trust.DENY, any_new_example_com=Trust.ASK
    )
    assert trust_of(host, given, Trust.DENY) is trust


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("example.com", True), ("*.example.com", True), ("127.0.0.1", True), ("localhost", True),
        ("::1", True), ("2606:2800::1", True), ("xn--mnchen-3ya.example", True),
        ("*.com", False), ("*", False), ("*.", False), ("a.*.com", False), ("*example.com", False),
        ("", False), ("Example.com", False), ("example.com/x", False), ("https://a.b", False),
        ("a b", False), ("-a.com", False), ("a..b", False), ("a.com:443", False),
        ("a." * 130 + "com", False),
    ],
)  # fmt: skip
def test_a_rule_names_a_host_or_what_is_below_a_domain(text: str, good: bool) -> None:
    assert is_pattern(text) is good


async def ask(w: World, client_id: str) -> Any:
    return await w.http.get("/authorize", params=request(client_id))


@requirement("cimd:7.9:trust")
async def test_nobody_is_let_in_or_looked_up_before_an_administrator_said_so(
    asking: World, publisher: Publisher
) -> None:
    url = publisher.put()
    answer = await ask(asking, url)
    assert answer.status_code == 403
    assert "An administrator must allow this application first" in answer.text
    assert HOST in answer.text
    pushed = await asking.post("/par", request(url))
    assert pushed.json()["reason"] == "client_needs_admin"
    assert publisher.origin.connections == 0
    # Strangers leave nothing behind.
    assert (await trust_policy(asking.core)).requests == ()
    await set_trust(asking.core, HOST, Trust.ALLOW, by="test")
    assert (await ask(asking, url)).status_code == 303


@requirement("cimd:7.9:trust")
async def test_a_denied_host_stops_at_once_and_comes_back_when_it_is_allowed(
    asking: World, publisher: Publisher
) -> None:
    core = asking.core
    await set_trust(core, HOST, Trust.ALLOW, by="test")
    kept, disabled = publisher.put(), publisher.put("/other.json")
    for url in (kept, disabled):
        assert (await ask(asking, url)).status_code == 303
    await set_client_status(core, disabled, Status.SUSPENDED, by="test")
    done = await set_trust(core, HOST, Trust.DENY, by="test")
    assert done.stopped == (kept,)
    await core.snapshot.refresh()
    client = await core.snapshot.client(kept)
    assert client is not None
    assert client.status is Status.SUSPENDED
    answer = await asking.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": "x", "client_id": kept}
    )
    assert answer.json()["error"] == "invalid_client"
    assert (await ask(asking, kept)).status_code == 400
    back = await set_trust(core, HOST, Trust.ALLOW, by="test")
    # Not the one that an administrator had disabled.
    assert back.let_in == (kept,)
    assert (await ask(asking, kept)).status_code == 303
    gone = await remove_trust(core, HOST, by="test")
    assert gone.stopped == (kept,)
    assert (await ask(asking, kept)).status_code == 403
    with pytest.raises(RegistrationError):
        await remove_trust(core, HOST, by="test")
    told = [row[1] for row in await asking.audited(AuditTag.CLIENT_TRUST)]
    assert sorted(told) == ["allow", "allow", "deny", "removed"]


async def test_a_wish_is_noted_once_a_host_and_settled_by_a_decision(asking: World) -> None:
    core = asking.core
    ada = await asking.user("ada")
    place = "https://tools.example.com/client.json"
    assert await ask_for(core, place, ada.id) == "tools.example.com"
    assert await ask_for(core, place, ada.id) == "tools.example.com"
    (waiting,) = (await trust_policy(core)).requests
    assert (waiting.host, waiting.times, waiting.asked_by) == ("tools.example.com", 2, ada.id)
    assert len(await asking.audited(AuditTag.CLIENT_TRUST)) == 1
    await set_trust(core, "*.example.com", Trust.DENY, by="test")
    assert (await trust_policy(core)).requests == ()
    assert await ask_for(core, place, ada.id) is None
    for bad in ("cli_x", "http://tools.example.com/x", "https://tools.example.com/"):
        assert await ask_for(core, bad, ada.id) is None


async def test_only_so_many_hosts_wait(asking: World) -> None:
    for number in range(MOST_WAITING + 2):
        # As many people, since one may not take every place.
        await ask_for(asking.core, f"https://h{number}.example/client.json", f"usr_{number}")
    assert len((await trust_policy(asking.core)).requests) == MOST_WAITING


async def test_a_pattern_that_says_too_much_is_refused(asking: World) -> None:
    for bad in ("*", "*.com", "https://a.example"):
        with pytest.raises(RegistrationError):
            await set_trust(asking.core, bad, Trust.ALLOW, by="test")


async def test_a_client_that_comes_while_its_host_is_denied_is_not_let_in(
    asking: World, publisher: Publisher
) -> None:
    url = publisher.put()
    good = publisher.documents["/client.json"]
    await set_trust(asking.core, HOST, Trust.ALLOW, by="test")

    async def denied_meanwhile(asked: Request, writer: StreamWriter) -> None:
        await set_trust(asking.core, HOST, Trust.DENY, by="test")
        await reply(json.dumps(good).encode())(asked, writer)

    publisher.documents["/client.json"] = denied_meanwhile
    assert (await ask(asking, url)).status_code == 400
    assert await asking.core.snapshot.client(url) is None
