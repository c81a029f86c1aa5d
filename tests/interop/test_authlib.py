"""authlib's AsyncOAuth2Client goes through code + PKCE + PAR, refresh, introspection and exchange."""

import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

from tests.interop.scene import Scene
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live
from tests.support.person import Person
from tests.support.world import ACCESS, EXCHANGE, VERIFIER, Party

PICKS: dict[str, Any] = {"scope": ["email", "docs:read", "docs:write"], "object": ["folder:plans"]}


def _client(party: Party, **kw: Any) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        party.client.id,
        party.secret,
        token_endpoint_auth_method=party.client.auth.value,
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        trust_env=False,
        **kw,
    )


async def _metadata(http: AsyncOAuth2Client, mandate: Live) -> dict[str, str]:
    answer = await http.request(
        "GET", f"{mandate.issuer}/.well-known/oauth-authorization-server", withhold_token=True
    )
    found: dict[str, str] = answer.json()
    return found


async def _signed_in(
    http: AsyncOAuth2Client, at: dict[str, str], ada: Person, **more: str
) -> dict[str, Any]:
    url, state = http.create_authorization_url(
        at["authorization_endpoint"], code_verifier=VERIFIER, **more
    )
    callback = ada.authorize(url, **PICKS)
    token: dict[str, Any] = await http.fetch_token(
        at["token_endpoint"], authorization_response=callback, state=state, code_verifier=VERIFIER
    )
    return token


@requirement("rfc6749:6:bound-to-client", "rfc7662:2.2:members")
async def test_a_sign_in_is_refreshed_examined_and_given_back(
    mandate: Live, scene: Scene, ada: Person
):
    async with _client(scene.app, scope="openid email") as http:
        at = await _metadata(http, mandate)
        token = await _signed_in(http, at, ada, nonce="n0nce")
        info = (await http.get(at["userinfo_endpoint"])).json()
        assert info["email"] == "ada@example.test"
        fresh = await http.refresh_token(at["token_endpoint"], token["refresh_token"])
        told = await http.introspect_token(at["introspection_endpoint"], fresh["access_token"])
        assert told.json()["sub"] == info["sub"]
        done = await http.revoke_token(at["revocation_endpoint"], token["refresh_token"])
        assert done.status_code == 200
        told = await http.introspect_token(at["introspection_endpoint"], fresh["access_token"])
        assert told.json() == {"active": False}
        with pytest.raises(OAuthError, match="invalid_grant"):
            await http.refresh_token(at["token_endpoint"], token["refresh_token"])


async def test_a_public_client_pushes_nothing_and_rotates(mandate: Live, scene: Scene, ada: Person):
    async with _client(scene.own, scope="openid docs:read") as http:
        at = await _metadata(http, mandate)
        token = await _signed_in(http, at, ada, resource=scene.resource)
        fresh = await http.refresh_token(at["token_endpoint"], token["refresh_token"])
        assert fresh["refresh_token"] != token["refresh_token"]
        assert fresh["scope"] == "docs:read"


async def test_a_pushed_request_is_opened_by_its_uri_alone(
    mandate: Live, scene: Scene, ada: Person
):
    async with _client(scene.app, scope="openid email") as http:
        at = await _metadata(http, mandate)
        url, state = http.create_authorization_url(
            at["authorization_endpoint"], code_verifier=VERIFIER
        )
        pushed = await http.request(
            "POST",
            at["pushed_authorization_request_endpoint"],
            data=dict(parse_qsl(urlsplit(url).query)),
            auth=http.client_auth("client_secret_basic"),
            withhold_token=True,
        )
        assert pushed.status_code == 201, pushed.text
        where = f"?client_id={scene.app.client.id}&request_uri={pushed.json()['request_uri']}"
        callback = ada.authorize(at["authorization_endpoint"] + where, **PICKS)
        token = await http.fetch_token(
            at["token_endpoint"],
            authorization_response=callback,
            state=state,
            code_verifier=VERIFIER,
        )
        assert token["token_type"] == "Bearer"


@requirement("rfc8693:2.2.1:token-type")
async def test_an_agent_exchanges_what_it_was_given(mandate: Live, scene: Scene, ada: Person):
    async with _client(scene.agent, scope="docs:read docs:write") as http:
        at = await _metadata(http, mandate)
        subject = await _signed_in(http, at, ada)
        actor = await http.fetch_token(
            at["token_endpoint"], grant_type="client_credentials", scope=""
        )
        exchange: dict[str, Any] = {
            "grant_type": EXCHANGE, "subject_token": subject["access_token"],
            "subject_token_type": ACCESS, "actor_token": actor["access_token"],
            "actor_token_type": ACCESS, "resource": scene.resource,
        }  # fmt: skip
        token = await http.fetch_token(at["token_endpoint"], **exchange, scope="docs:read")
        assert (token["issued_token_type"], token["scope"]) == (ACCESS, "docs:read")
        with pytest.raises(OAuthError, match="invalid_scope"):
            await http.fetch_token(at["token_endpoint"], **exchange, scope="docs:delete")
    async with _client(scene.documents) as http:
        told = await http.introspect_token(at["introspection_endpoint"], token["access_token"])
        assert told.json()["act"] == {"sub": scene.agent.agent.id}


async def test_a_key_proves_the_client(mandate: Live, scene: Scene):
    key: Any = ECKey.import_key(scene.key)
    async with AsyncOAuth2Client(
        scene.keyed.client.id, key, token_endpoint_auth_method="private_key_jwt", trust_env=False
    ) as http:
        at = await _metadata(http, mandate)
        # The audience is the issuer: RFC 7523bis.
        http.register_client_auth_method(
            PrivateKeyJWT(
                mandate.issuer,
                # Its own default is an hour; five minutes are the most that we remember a jti.
                claims={"exp": int(time.time()) + 60},
                headers={"kid": "key-1"},
                alg="ES256",
            )
        )
        token = await http.fetch_token(
            at["token_endpoint"], grant_type="client_credentials",
            scope="docs:read", resource=scene.resource,
        )  # fmt: skip
        assert token["scope"] == "docs:read"
