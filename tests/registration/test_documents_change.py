"""A metadata document changes, vanishes or gives up its key while something is granted by it."""

import json
from dataclasses import replace
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from sqlalchemy import delete

from server.domain.audit import AuditTag
from server.domain.entropy import hash_secret
from server.domain.registry import Client
from server.protocol.client_assertion import ASSERTION_TYPE
from server.protocol.registration.arrivals import GRACE_MS, LONGEST_MS
from server.storage.tables.flow import authorization_code as table
from tests.registration.publisher import CALLBACK, Publisher, request
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.world import DOCS, ISSUER, VERIFIER, Party, World, world_at


class Key:
    """A key of a client, which signs its assertions."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._private = ec.generate_private_key(ec.SECP256R1())
        whole = json.loads(ECAlgorithm.to_jwk(self._private))
        public = {k: v for k, v in whole.items() if k not in {"d", "key_ops"}}
        self.public = {**public, "kid": kid, "alg": "ES256"}

    def proof(self, client_id: str, now: int, **changes: Any) -> dict[str, str]:
        seconds = now // 1000
        claims = {"iss": client_id, "sub": client_id, "aud": ISSUER, "exp": seconds + 60,
                  "iat": seconds, "jti": f"{self.kid}-{now}", **changes}  # fmt: skip
        signed = jwt.encode(claims, self._private, "ES256", {"kid": self.kid})
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


async def arrive(w: World, url: str, **changes: Any) -> Client:
    answer = await w.http.get("/authorize", params=request(url, **changes))
    assert answer.status_code == 303, answer.text
    client = await w.core.store.read(lambda tx: w.core.rows.clients.get(tx, url))
    assert client is not None
    return client


async def granted(w: World, url: str, **kw: Any) -> str:
    """Let Ada sign in at the client; return the code."""
    client = await arrive(w, url)
    user = await w.user(kw.pop("name", "ada"))
    code = await w.code(Party(client, None), user, offline=True, **kw)
    stored = await w.core.store.read(lambda tx: w.core.rows.codes.get(tx, hash_secret(code)))
    assert stored is not None
    # The helper of the suite has an address of its own.
    await w.core.store.write(lambda tx: _move(w, tx, stored))
    await w.core.store.write(lambda tx: w.core.rows.registrations.consented(tx, url, w.clock.now()))
    return code


def _move(w: World, tx: Any, stored: Any) -> None:
    tx.execute(delete(table).where(table.c.hash == stored.hash))
    w.core.rows.codes.add(tx, replace(stored, redirect_uri=CALLBACK))


async def redeem(w: World, url: str, code: str, **more: str) -> httpx2.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER, "client_id": url, **more}  # fmt: skip
    return await w.post("/token", form)


async def refresh(w: World, url: str, token: str, **more: str) -> httpx2.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": url, **more}
    return await w.post("/token", form)


@requirement("cimd:7.4:changes")
async def test_a_redirect_that_was_given_up_between_authorize_and_token_is_no_good(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    publisher.headers = {"cache_control": "max-age=0"}
    code = await granted(w, url)
    clock.advance(seconds=30)
    other = await granted(w, url, name="bob")
    publisher.put(redirect_uris=["http://127.0.0.1/elsewhere"])
    clock.advance(seconds=29)
    # Not looked at again yet: the code is redeemed as it was given.
    assert (await redeem(w, url, code)).status_code == 200
    clock.advance(seconds=1)
    answer = await redeem(w, url, other)
    assert (answer.status_code, answer.json()["reason"]) == (400, "redirect_mismatch")


@requirement("cimd:7.4:changes")
async def test_a_document_that_vanishes_strands_no_refresh_until_the_grace_is_over(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    token = (await redeem(w, url, await granted(w, url))).json()["refresh_token"]
    publisher.documents.clear()
    clock.advance(ms=LONGEST_MS)
    answer = await refresh(w, url, token)
    assert answer.status_code == 200, answer.text
    # One look in a minute, however often somebody comes.
    asked = publisher.asked()
    token = (await refresh(w, url, answer.json()["refresh_token"])).json()["refresh_token"]
    assert publisher.asked() == asked
    clock.advance(ms=GRACE_MS)
    gone = await refresh(w, url, token)
    assert (gone.status_code, gone.json()["error"]) == (401, "invalid_client")
    # Published again it is let in again: nothing was thrown away.
    clock.advance(minutes=1)
    publisher.put()
    assert (await refresh(w, url, token)).status_code == 200


@pytest.mark.parametrize(
    "broken", [{"client_id": "https://evil.example/x"}, {"redirect_uris": ["https://evil.example"]}]
)
async def test_a_document_that_breaks_leaves_the_last_good_one_in_force(
    w: World, publisher: Publisher, clock: FrozenClock, broken: dict[str, Any]
) -> None:
    url = publisher.put()
    token = (await redeem(w, url, await granted(w, url))).json()["refresh_token"]
    publisher.put(**broken)
    clock.advance(ms=LONGEST_MS)
    assert (await refresh(w, url, token)).status_code == 200
    kept = await w.core.snapshot.client(url)
    assert kept is not None
    assert kept.redirect_uris == (CALLBACK,)


async def test_nobody_is_looked_up_at_the_token_endpoint_who_never_came(
    w: World, publisher: Publisher
) -> None:
    answer = await refresh(w, publisher.put(), "no-such-token")
    assert answer.json()["error"] == "invalid_client"
    assert publisher.origin.connections == 0


@requirement("cimd:7.4:changes")
async def test_a_changed_document_counts_at_the_next_refresh_and_the_trail_says_so(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    token = (await redeem(w, url, await granted(w, url))).json()["refresh_token"]
    publisher.put(client_name="Quill 2", redirect_uris=["http://127.0.0.1/new"])
    clock.advance(ms=LONGEST_MS)
    assert (await refresh(w, url, token)).status_code == 200
    client = await w.core.snapshot.client(url)
    assert client is not None
    assert (client.name, client.redirect_uris) == ("Quill 2", ("http://127.0.0.1/new",))
    (row,) = await w.audited(AuditTag.CLIENT_CHANGED)
    assert row[:2] == ("done", "document_changed")


async def test_a_client_that_gives_up_its_refresh_grant_gets_no_more(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    token = (await redeem(w, url, await granted(w, url))).json()["refresh_token"]
    publisher.put(grant_types=["authorization_code"])
    clock.advance(ms=LONGEST_MS)
    assert (await refresh(w, url, token)).json()["error"] == "unauthorized_client"


@requirement("cimd:7.2:key")
async def test_a_client_with_a_key_proves_it_and_no_other(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    key, foreign = Key("k1"), Key("k1")
    url = publisher.put(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public]})
    code = await granted(w, url)
    assert (await redeem(w, url, code)).status_code == 401
    assert (await redeem(w, url, code, **foreign.proof(url, clock.now()))).status_code == 401
    # An assertion alone names its client as well (RFC 7521 §4.2).
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER, **key.proof(url, clock.now())}  # fmt: skip
    assert (await w.post("/token", form)).status_code == 200


@requirement("cimd:7.2:key")
async def test_keys_rotate_through_the_jwks_uri(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    old, new = Key("old"), Key("new")
    publisher.documents["/jwks"] = json.dumps({"keys": [old.public]}).encode()
    url = publisher.put(
        token_endpoint_auth_method="private_key_jwt", jwks_uri=publisher.url("/jwks")
    )
    answer = await redeem(w, url, await granted(w, url), **old.proof(url, clock.now()))
    token = answer.json()["refresh_token"]
    publisher.documents["/jwks"] = json.dumps({"keys": [new.public]}).encode()
    clock.advance(minutes=2)
    assert (await refresh(w, url, token, **new.proof(url, clock.now()))).status_code == 200
    assert (await refresh(w, url, token, **old.proof(url, clock.now()))).status_code == 401


@requirement("cimd:7.4:changes")
async def test_who_gives_up_its_key_loses_what_it_held_by_it(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    key = Key("k1")
    url = publisher.put(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public]})
    answer = await redeem(w, url, await granted(w, url), **key.proof(url, clock.now()))
    token = answer.json()["refresh_token"]
    publisher.put(token_endpoint_auth_method="none")
    clock.advance(ms=LONGEST_MS)
    stolen = await refresh(w, url, token)
    assert (stolen.status_code, stolen.json()["reason"]) == (400, "refresh_revoked")


async def test_a_provisional_agent_follows_its_client_until_an_administrator_sets_it(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    await w.resource(DOCS)
    url = publisher.put()
    client = await arrive(w, url, scope="docs:read", resource=DOCS)
    agent = await w.agent("stand-in", set(client.scopes), {DOCS})
    core = w.core
    await core.store.write(
        lambda tx: core.rows.agents.update(
            tx, replace(agent.agent, provisional=True, name=client.name)
        )
    )
    await core.store.write(lambda tx: core.rows.clients.link_agent(tx, url, agent.agent.id))
    await w.resource("https://notes.example/mcp", "notes")
    client = await arrive(w, url, scope="notes:read", resource="https://notes.example/mcp")
    assert "notes:read" in client.scopes
    await core.snapshot.refresh()
    followed = await core.snapshot.agent(agent.agent.id)
    assert followed is not None
    assert followed.ceiling.scopes == client.scopes
    assert followed.ceiling.resources == {DOCS, "https://notes.example/mcp", f"{ISSUER}/mcp"}
    narrow = replace(followed, ceiling=replace(followed.ceiling, scopes=frozenset({"docs:read"})))
    await core.store.write(lambda tx: core.rows.agents.update(tx, narrow))
    await w.resource("https://mail.example/mcp", "mail")
    await arrive(w, url)
    await core.snapshot.refresh()
    left = await core.snapshot.agent(agent.agent.id)
    assert left is not None
    assert left.ceiling == narrow.ceiling


async def test_two_workers_see_one_client(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    settings = w.server.settings
    async with world_at(
        settings.database_url, clock, outbound_ca_file=settings.outbound_ca_file,
        client_documents="allow",
    ) as other:  # fmt: skip
        token = (await redeem(w, url, await granted(w, url))).json()["refresh_token"]
        assert (await refresh(other, url, token)).status_code == 200
        assert publisher.asked() == 1
        publisher.put(client_name="Quill 2")
        clock.advance(ms=LONGEST_MS)
        await arrive(other, url)
        await w.core.snapshot.refresh()
        seen = await w.core.snapshot.client(url)
        assert seen is not None
        assert seen.name == "Quill 2"
        assert publisher.asked() == 2
