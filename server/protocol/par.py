"""RFC 9126: a client pushes its authorization request and gets a `request_uri` for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from authz.dpop import Proof
from server.defence.waiting_room import no_room
from server.domain.core import Core
from server.domain.entropy import hash_secret, same
from server.domain.interactions import PushedRequest
from server.domain.refusal import Refused, invalid_request
from server.domain.registry import Client
from server.domain.unit import Unit
from server.protocol.authorize import REPEATABLE, Faulty, examine
from server.protocol.dpop import use
from server.protocol.parameters import Parameters

REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"

KEPT: Final = (
    "response_type", "client_id", "redirect_uri", "response_mode", "scope", "state", "nonce",
    "code_challenge", "code_challenge_method", "dpop_jkt", "prompt", "max_age", "acr_values",
    "login_hint", "resource", "authorization_details", "request", "registration",
)  # fmt: skip
"""What is stored of a pushed request: never the credentials that came with it."""


class PushedParameters:
    """Stored parameters, read as if they had just been sent."""

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        """Wrap the pairs in the order sent."""
        self._single = {name: value for name, value in pairs if name not in REPEATABLE}
        self._pairs = pairs

    def get(self, name: str, /) -> str | None:
        """Return the value of a parameter, or none."""
        return self._single.get(name)

    def __contains__(self, name: object, /) -> bool:
        """Tell whether a parameter is present."""
        return name in self._single

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a repeatable parameter, in order."""
        return tuple(value for key, value in self._pairs if key == name)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A stored request; `expires_in` in seconds."""

    request_uri: str
    expires_in: int

    def json(self) -> Mapping[str, object]:
        """Return the body of the 201 answer (RFC 9126 §2.2)."""
        return {"request_uri": self.request_uri, "expires_in": self.expires_in}


async def push(
    core: Core, client: Client, sent: Parameters, proof: Proof | None, source: str
) -> Pushed | Refused:
    """Examine a request of an authenticated client as if it came by the front door; store it.

    A `proof` binds the code to its key. `source` stands for the client's address, which counts
    only where anybody may push in its name.
    """
    # RFC 9126 §2.1: request_uri MUST NOT be provided in this case.
    if "request_uri" in sent:
        return invalid_request("request_uri", "request_uri cannot be pushed.")
    found = await examine(core, sent, client.id, pushed=True)
    if isinstance(found, Faulty):
        return found.refused
    stated = sent.get("dpop_jkt")
    # RFC 9449 §10.1: MUST reject the request if the two differ.
    if proof is not None and stated is not None and not same(stated, proof.jkt):
        return invalid_request("dpop_jkt", "dpop_jkt is not the key of the DPoP proof.")
    secret, now = core.entropy.token(), core.clock.now()
    single = [(name, value) for name in KEPT if (value := sent.get(name)) is not None]
    if proof is not None and stated is None:
        single.append(("dpop_jkt", proof.jkt))
    many = [(name, value) for name in REPEATABLE for value in sent.every(name)]
    row = PushedRequest(
        hash=hash_secret(secret),
        client_id=client.id,
        parameters=(*single, *many),
        expires_at=now + core.policy.pushed_request_ttl * 1000,
        source=None if client.confidential else source,
    )

    def unit(tx: Unit) -> Pushed | Refused:
        if row.source is not None:
            waiting = core.rows.pushed.waiting(tx, row.source, client.id, now)
            if (full := no_room(core.policy, waiting)) is not None:
                return full
        if proof is not None and (replayed := use(core, tx, proof)) is not None:
            return replayed
        core.rows.pushed.add(tx, row)
        return Pushed(REQUEST_URI_PREFIX + secret, core.policy.pushed_request_ttl)

    return await core.store.write(unit)
