"""Begins an authorization: a checked request becomes an interaction bound to one browser."""

from server.defence.waiting_room import no_room
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.interactions import Interaction, PushedRequest
from server.domain.refusal import Refused
from server.domain.unit import Unit
from server.protocol.authorize import Examined, Faulty, examine
from server.protocol.par import REQUEST_URI_PREFIX, PushedParameters
from server.protocol.parameters import Parameters


async def begin(core: Core, sent: Parameters, browser: str, source: str) -> Interaction | Faulty:
    """Examine a request and store it for the browser that holds the secret `browser`.

    `source` stands for its address: one that has as much waiting as it may has to come later.
    """
    client_id = sent.get("client_id")
    request_uri = sent.get("request_uri")
    if request_uri is None or not request_uri.startswith(REQUEST_URI_PREFIX):
        found = await examine(core, sent, client_id)
        if isinstance(found, Faulty):
            return found
        return await _store(core, found, browser, source, None)
    request_hash = hash_secret(request_uri.removeprefix(REQUEST_URI_PREFIX))
    now = core.clock.now()
    pushed = await core.store.read(lambda tx: core.rows.pushed.get(tx, request_hash))
    # RFC 9126 §4: bound to the client and short-lived; used once is what `consume` decides.
    if pushed is None or pushed.client_id != client_id or now >= pushed.expires_at:
        return _spent()
    # RFC 9126 §4, RFC 9101 §6.3: only what was pushed counts, whatever else the URL says.
    found = await examine(core, PushedParameters(pushed.parameters), client_id, pushed=True)
    if isinstance(found, Faulty):
        return found
    return await _store(core, found, browser, source, pushed)


async def _store(
    core: Core, found: Examined, browser: str, source: str, pushed: PushedRequest | None
) -> Interaction | Faulty:
    now = core.clock.now()
    interaction = Interaction(
        id=core.entropy.id("int"),
        browser_hash=hash_secret(browser),
        request=found.request,
        created_at=now,
        expires_at=now + core.policy.interaction_ttl * 1000,
        source=source,
    )

    def unit(tx: Unit) -> Interaction | Faulty:
        waiting = core.rows.interactions.waiting(tx, source, found.client.id, now)
        # Before the consuming statement: a pushed request stays good for the next try.
        if (full := no_room(core.policy, waiting)) is not None:
            return Faulty(full)
        if pushed is not None and not core.rows.pushed.consume(tx, pushed.hash, now):
            return _spent()
        core.rows.interactions.add(tx, interaction)
        return interaction

    return await core.store.write(unit)


def _spent() -> Faulty:
    return Faulty(
        Refused(
            error="invalid_request_uri",
            reason="request_uri",
            description="The request has expired or was used already.",
            redirectable=False,
        )
    )
