"""What clients need on the wire, each because a client that is in use refuses or fails without it."""

from typing import Any

import httpx2
import pytest
from mcp.shared.auth import OAuthMetadata

from mcp_tools.client.credentials import PrivateKeyJwt
from tests.clients.workshop import House
from tests.requirements import requirement
from tests.support.live import Live
from tests.support.tokens import own_token

FORMS = [
    "/.well-known/oauth-authorization-server/t/acme",
    "/.well-known/openid-configuration/t/acme",
    "/t/acme/.well-known/openid-configuration",
]


@requirement("interop:wire:issuer-stable", "interop:wire:authorization-endpoint")
def test_every_form_of_discovery_says_the_same_and_all_that_clients_demand(mandate: Live):
    origin = mandate.issuer.removesuffix("/t/acme")
    found = [httpx2.get(f"{origin}{form}", trust_env=False).json() for form in FORMS]
    for document in found:
        assert document["issuer"] == mandate.issuer
        assert document["code_challenge_methods_supported"] == ["S256"]
        assert document["authorization_response_iss_parameter_supported"] is True
        assert "ES256" in document["token_endpoint_auth_signing_alg_values_supported"]
        # The model of Python's client, which refuses a document that lacks something.
        assert OAuthMetadata.model_validate(document).authorization_endpoint is not None
    assert found[0] == found[1] == found[2]


@requirement("interop:wire:default-scope")
def test_no_scope_is_the_resource_s_default_and_no_more(mandate: Live, house: House):
    assert own_token(mandate, house.smith, resource=house.workshop)["scope"] == "shop:read"


@requirement("interop:wire:client-id-absent")
@pytest.mark.parametrize("named", [True, False])
def test_an_assertion_names_its_client(mandate: Live, house: House, named: bool):
    form, headers = _assertion(mandate, house)
    if not named:
        del form["client_id"]
    answer = httpx2.post(f"{mandate.issuer}/token", data=form, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text


def test_a_client_id_that_is_not_the_assertion_s_is_refused(mandate: Live, house: House):
    form, headers = _assertion(mandate, house)
    form["client_id"] = house.smith.client.id
    answer = httpx2.post(f"{mandate.issuer}/token", data=form, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def _assertion(mandate: Live, house: House) -> tuple[dict[str, str], dict[str, str]]:
    form = {"grant_type": "client_credentials", "resource": house.workshop}
    headers: dict[str, str] = {}
    key: Any = _private(house.key)
    PrivateKeyJwt(house.keyed.client.id, key, "smith-1").apply(mandate.issuer, form, headers)
    return form, headers


def _private(jwk: dict[str, Any]) -> Any:
    from jwt.algorithms import ECAlgorithm

    return ECAlgorithm.from_jwk(jwk)
