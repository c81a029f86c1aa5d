"""A protected MCP server for agents as themselves, and who is registered for it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from jwt.algorithms import ECAlgorithm

from server.domain.registry import ClientAuth, GrantType, Resource, Scope
from server.services.resources import add_resource
from tests.interop.scene import EVERY, Scene, set_scene
from tests.support.processes import ServerProcess
from tests.support.tree import ROOT
from tests.support.world import Party, World

READ, WRITE = "shop:read", "shop:write"
_OWN = frozenset({GrantType.CLIENT_CREDENTIALS})


@dataclass(frozen=True)
class House:
    """The documents server's scene, and the workshop with its agent's clients.

    `key` is the private JWK of `keyed`, `pem` the same as PKCS 8.
    """

    scene: Scene
    workshop: str
    shop: Party
    smith: Party
    posts: Party
    keyed: Party
    bridge: Party
    key: dict[str, Any]
    pem: str


async def set_house(w: World, documents: str, workshop: str) -> House:
    """Register both resources; the agent Smith has the workshop as its ceiling."""
    scene = await set_scene(w, documents)
    await add_resource(
        w.core,
        Resource(
            id=workshop,
            name="Workshop",
            scopes={
                READ: Scope(name=READ, description="Look around", default=True, agent_own=True),
                WRITE: Scope(name=WRITE, description="Make things", agent_own=True),
            },
        ),
        by="test",
    )
    shop = await w.client("shop", resource_id=workshop, grant_types=frozenset())
    scopes = frozenset({READ, WRITE})
    smith = await w.agent("smith", set(scopes), {workshop}, grant_types=_OWN)
    own: dict[str, Any] = {"agent": smith.agent, "scopes": scopes, "grant_types": _OWN}
    posts = await w.client("smith-posts", auth=ClientAuth.POST, **own)
    private = ec.generate_private_key(ec.SECP256R1())
    key = {**json.loads(ECAlgorithm.to_jwk(private)), "kid": "smith-1", "alg": "ES256"}
    public = {name: value for name, value in key.items() if name not in {"d", "key_ops"}}
    keyed = await w.client(
        "smith-keyed",
        auth=ClientAuth.PRIVATE_KEY_JWT,
        jwks=json.dumps({"keys": [public]}),
        **own,
    )
    # Any port of loopback (RFC 8252 §7.3).
    bridge = await w.client(
        "bridge",
        auth=ClientAuth.NONE,
        redirect_uris=("http://127.0.0.1/oauth/callback",),
        scopes=frozenset(EVERY),
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}),
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return House(scene, workshop, shop, smith, posts, keyed, bridge, key, pem)


@contextmanager
def workshop_server(folder: Path, issuer: str, house: House) -> Iterator[str]:
    """Run the workshop as a process of its own."""
    port = urlsplit(house.workshop).port
    given = {
        "ISSUER": issuer, "RESOURCE": house.workshop,
        "CLIENT_ID": house.shop.client.id, "CLIENT_SECRET": house.shop.secret or "",
    }  # fmt: skip
    process = ServerProcess(
        folder=folder,
        settings={f"WORKSHOP_{k}": v for k, v in given.items()} | {"PYTHONPATH": str(ROOT)},
        command=[sys.executable, str(ROOT / "tests" / "clients" / "workshop_main.py"), str(port)],
        ready_path="/.well-known/oauth-protected-resource/mcp",
        port=port,
    )
    with process:
        yield house.workshop
