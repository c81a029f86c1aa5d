"""What the third-party clients find: people, a documents server, an agent, applications."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from server.domain.registry import ClientAuth, GrantType, Pickable, Resource, Scope
from server.services.resources import add_resource
from tests.support.live import CALLBACK, with_password
from tests.support.world import Party, World

ADA = "ada@example.test"
EVERY = ("docs:read", "docs:write", "docs:share", "docs:delete")
_MODULE = Path(__file__).parents[2] / "examples" / "documents" / "documents.fga"
_CODES = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})


@dataclass(frozen=True)
class Scene:
    """Who is registered; `key` is the private JWK of `keyed`."""

    resource: str
    documents: Party
    app: Party
    tool: Party
    own: Party
    agent: Party
    keyed: Party
    key: dict[str, Any]


async def set_scene(w: World, resource: str, callback: str = CALLBACK) -> Scene:
    """Register Ada, the documents server and the clients."""
    ada = await with_password(w, await w.user("ada"))
    await add_resource(
        w.core,
        Resource(
            id=resource,
            name="Documents",
            scopes={
                name: Scope(
                    name=name, description=name, default=name == "docs:read", agent_own=True
                )
                for name in EVERY
            },
            types=frozenset({"folder", "document"}),
            pickable=(Pickable(type="folder", relation="viewer", label="Folder", contains=True),),
            model=_MODULE.read_text(),
        ),
        by="test",
    )
    await w.relate((f"user:{ada.id}", "owner", "folder:plans"))
    private = ec.generate_private_key(ec.SECP256R1())
    key = {**json.loads(ECAlgorithm.to_jwk(private)), "kid": "key-1", "alg": "ES256"}
    public = {name: value for name, value in key.items() if name not in {"d", "key_ops"}}
    web: dict[str, Any] = {"redirect_uris": (callback,), "grant_types": _CODES}
    agent = await w.agent("quill", set(EVERY), {resource}, redirect_uris=(callback,))
    return Scene(
        resource=resource,
        documents=await w.client("documents", resource_id=resource, grant_types=frozenset()),
        app=await w.client("app", **web),
        tool=await w.client("tool", auth=ClientAuth.NONE, scopes=frozenset(EVERY), **web),
        own=await w.client(
            "own", auth=ClientAuth.NONE, scopes=frozenset(EVERY), first_party=True, **web
        ),
        agent=agent,
        keyed=await w.client(
            "keyed", agent=agent.agent, auth=ClientAuth.PRIVATE_KEY_JWT,
            jwks=json.dumps({"keys": [public]}), scopes=frozenset(EVERY), redirect_uris=(callback,),
        ),
        key=key,
    )  # fmt: skip
