"""A Mandate that knows an enterprise's people, and two realms of a Keycloak that trust it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.enterprise import IdentityAssertionAuth, IdentityProvider
from mcp_tools.client.token_endpoint import Token
from server.domain.id_jag_policy import IdJagPolicy
from server.services.id_jag_policies import allow_id_jag
from tests.support.keycloak import Keycloak, keycloak
from tests.support.live import Live, live
from tests.support.world import Party, World

RESOURCE = "https://docs.example/mcp"
DOCS, OPEN = "docs", "open"
"""Two realms: what an assertion allows is the most in one of them, and not looked at in the other."""
ASSISTANT, OTHER, READER = "assistant", "other", "reader"
"""Clients at Keycloak; the last reads tokens, as the documents server would."""
_ALIAS = "mandate"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True)
class Person:
    """Somebody at the enterprise, with the ID token of a sign-in at the client."""

    id: str
    id_token: str


@dataclass(frozen=True)
class AtTheProvider:
    """Who is registered at Mandate: one client, Ada, and Bob whom Keycloak does not know."""

    client: Party
    ada: Person
    bob: Person


def secret_of(client_id: str) -> str:
    """Return what a client at Keycloak authenticates with."""
    return f"the secret of {client_id}"


@dataclass(frozen=True)
class Chain:
    """The two servers."""

    idp: Live
    there: Keycloak

    @property
    def at(self) -> AtTheProvider:
        """Return who is registered at Mandate."""
        found: AtTheProvider = self.idp.made
        return found

    async def assertion(self, person: Person | None = None, *, realm: str = DOCS) -> str:
        """Go leg 1: a person's identity assertion for a realm."""
        client, id_token = self.at.client, (person or self.at.ada).id_token
        async with IdentityProvider(
            issuer=self.idp.issuer,
            credentials=ClientSecret(client.client.id, client.secret or ""),
            id_token=lambda: id_token,
        ) as idp:
            return await idp.assertion(self.there.issuer(realm), RESOURCE)

    async def token(
        self,
        assertion: str,
        *,
        client: str = ASSISTANT,
        realm: str = DOCS,
        scope: str | None = "docs:read",
    ) -> Token:
        """Go leg 2: present an assertion at a realm."""

        async def given(_audience: str, _resource: str) -> str:
            return assertion

        async with IdentityAssertionAuth(
            issuer=self.there.issuer(realm),
            credentials=ClientSecret(client, secret_of(client)),
            resource=RESOURCE,
            scope=scope,
            assertion=given,
        ) as auth:
            return await auth.token()

    def ask(self, path: str, *, client: str = ASSISTANT, **form: str) -> dict[str, Any]:
        """Ask an endpoint of the realm that heeds assertions, as one of its clients."""
        answer = self.there.http.post(
            f"/realms/{DOCS}/protocol/openid-connect/{path}",
            data=form,
            auth=httpx2.BasicAuth(client, secret_of(client)),
        )
        return dict(answer.json())


async def _register(w: World, audiences: tuple[str, ...]) -> AtTheProvider:
    client = await w.client("chat")
    people = []
    for name in ("ada", "bob"):
        user = await w.user(name)
        code = await w.code(client, user, scope="openid")
        people.append(Person(user.id, (await w.redeem(client, code)).json()["id_token"]))
    for audience in audiences:
        policy = IdJagPolicy(
            client_id=client.client.id, audience=audience, resource=RESOURCE,
            scopes=frozenset({"docs:read"}), client_id_there=ASSISTANT,
        )  # fmt: skip
        await allow_id_jag(w.core, policy, by="test")
    return AtTheProvider(client, *people)


@contextmanager
def keycloak_chain(program: Path, folder: Path) -> Iterator[Chain]:
    """Start both, and make the realms."""
    with keycloak(program, folder) as there:
        audiences = (there.issuer(DOCS), there.issuer(OPEN))
        with live(folder, lambda w: _register(w, audiences)) as idp:
            chain = Chain(idp, there)
            for realm in (DOCS, OPEN):
                document = _realm(realm, idp.issuer, chain.at.ada.id)
                there.admin("POST", "/realms", document)
            yield chain


def _realm(name: str, issuer: str, ada: str) -> dict[str, Any]:
    return {
        "realm": name,
        "enabled": True,
        "identityProviders": [{
            "alias": _ALIAS,
            "providerId": "jwt-authorization-grant",
            "enabled": True,
            "config": {
                "issuer": issuer,
                "useJwksUrl": "true",
                "jwksUrl": f"{issuer}/jwks",
                "jwtAuthorizationGrantEnabled": "true",
                "jwtAuthorizationGrantAssertionSignatureAlg": "ES256",
            },
        }],
        "clientScopes": [_scope("docs:read"), _scope("docs:write")],
        "clients": [_client(ASSISTANT), _client(OTHER), _client(READER)],
        "users": [{
            "username": "ada",
            "enabled": True,
            "email": "ada@example.test",
            "firstName": "Ada",
            "lastName": "Lovelace",
            "credentials": [{"type": "password", "value": secret_of("ada")}],
            "federatedIdentities": [
                {"identityProvider": _ALIAS, "userId": ada, "userName": "ada"}
            ],
        }],
        **(_heeding_the_scope() if name == DOCS else {}),
    }  # fmt: skip


def _client(name: str) -> dict[str, Any]:
    return {
        "clientId": name,
        "secret": secret_of(name),
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": True,
        "optionalClientScopes": ["docs:read", "docs:write"],
        "attributes": {
            "oauth2.jwt.authorization.grant.enabled": "true",
            "oauth2.jwt.authorization.grant.idp": _ALIAS,
            "standard.token.exchange.enabled": "true",
        },
    }


def _scope(name: str) -> dict[str, Any]:
    """A scope of the resource: its tokens name the resource, and who may read them."""
    audiences = ({"included.custom.audience": RESOURCE}, {"included.client.audience": READER})
    return {
        "name": name,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true"},
        "protocolMappers": [
            {
                "name": f"audience {number}",
                "protocol": "openid-connect",
                "protocolMapper": "oidc-audience-mapper",
                "config": {
                    **audience,
                    "access.token.claim": "true",
                    "introspection.token.claim": "true",
                },
            }
            for number, audience in enumerate(audiences)
        ],
    }


def _heeding_the_scope() -> dict[str, Any]:
    """Keycloak does not look at the scope of an assertion, unless a client policy says so."""
    return {
        "clientProfiles": {"profiles": [{
            "name": "no more than the assertion",
            "executors": [
                {"executor": "downscope-assertion-grant-enforcer", "configuration": {}}
            ],
        }]},
        "clientPolicies": {"policies": [{
            "name": "assertions",
            "enabled": True,
            "conditions": [
                {"condition": "grant-type", "configuration": {"grant_types": [_JWT_BEARER]}}
            ],
            "profiles": ["no more than the assertion"],
        }]},
    }  # fmt: skip
