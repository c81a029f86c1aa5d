"""Mandate's identity assertions at a real Keycloak: the employer's server and somebody else's."""

import base64
import json
from collections.abc import Iterator

import pytest

from mcp_tools.client.errors import NotGranted
from mcp_tools.client.token_endpoint import ACCESS_TOKEN, EXCHANGE, ID_JAG
from tests.interop.keycloak_scene import (
    DOCS,
    OPEN,
    OTHER,
    READER,
    RESOURCE,
    Chain,
    keycloak_chain,
    secret_of,
)
from tests.requirements import requirement
from tests.support.keycloak import find_keycloak
from tests.support.missing import missing

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Run both servers."""
    program = find_keycloak()
    if program is None:
        missing("Keycloak", ".ci/keycloak unpacks and builds it")
    with keycloak_chain(program, tmp_path_factory.mktemp("keycloak")) as running:
        yield running


@requirement("ema:idp-response", "ema:idp-typ")
async def test_an_assertion_becomes_a_token_of_the_right_person(chain: Chain):
    token = await chain.token(await chain.assertion())
    assert token.scope == "docs:read"
    told = chain.ask("token/introspect", client=READER, token=token.value)
    assert told["active"] is True
    assert (told["username"], told["client_id"]) == ("ada", "assistant")
    assert told["scope"] == "docs:read"
    assert RESOURCE in told["aud"]
    assert told["iss"] == chain.there.issuer(DOCS)


async def test_each_token_needs_an_assertion_of_its_own(chain: Chain):
    assertion = await chain.assertion()
    await chain.token(assertion)
    with pytest.raises(NotGranted, match=r"invalid_grant \(Token reuse detected\)"):
        await chain.token(assertion)
    await chain.token(await chain.assertion())


async def test_an_assertion_for_another_issuer_is_refused(chain: Chain):
    with pytest.raises(NotGranted, match=r"invalid_grant \(Invalid token audience\)"):
        await chain.token(await chain.assertion(realm=OPEN))
    await chain.token(await chain.assertion(realm=OPEN), realm=OPEN)


async def test_an_assertion_for_another_client_is_refused(chain: Chain):
    assertion = await chain.assertion()
    with pytest.raises(NotGranted, match=r"invalid_grant \(client id in assertion : assistant"):
        await chain.token(assertion, client=OTHER)
    await chain.token(assertion)


def with_claims(assertion: str, **changes: str) -> str:
    """Change claims and leave the signature."""
    head, body, signature = assertion.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | changes
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


async def test_a_changed_assertion_is_refused(chain: Chain):
    changed = with_claims(await chain.assertion(chain.at.bob), sub=chain.at.ada.id)
    with pytest.raises(NotGranted, match=r"invalid_grant \(Invalid signature\)"):
        await chain.token(changed)


async def test_keycloak_uses_up_the_jti_of_a_genuine_assertion_that_it_refuses(chain: Chain):
    """As docs/enterprise.md says: in all its realms, but by no forgery."""
    assertion = await chain.assertion(realm=OPEN)
    with pytest.raises(NotGranted, match="Invalid signature"):
        await chain.token(with_claims(assertion, aud=chain.there.issuer(DOCS)))
    with pytest.raises(NotGranted, match="Invalid token audience"):
        await chain.token(assertion)
    with pytest.raises(NotGranted, match="Token reuse detected"):
        await chain.token(assertion, realm=OPEN)


async def test_a_person_who_is_not_linked_gets_nothing(chain: Chain):
    with pytest.raises(NotGranted, match=r"invalid_grant \(User not found\)"):
        await chain.token(await chain.assertion(chain.at.bob))


async def test_with_its_client_policy_keycloak_gives_no_more_than_the_assertion(chain: Chain):
    with pytest.raises(NotGranted, match=r"invalid_scope .*docs:write"):
        await chain.token(await chain.assertion(), scope="docs:read docs:write")


async def test_without_it_keycloak_does_not_look_at_the_scope_of_an_assertion(chain: Chain):
    """What docs/enterprise.md warns of; if this fails, the warning is out of date."""
    token = await chain.token(await chain.assertion(realm=OPEN), realm=OPEN, scope="docs:write")
    assert token.scope == "docs:write"


async def test_without_a_scope_of_the_request_keycloak_gives_none(chain: Chain):
    """Nor does it take the scope of the assertion."""
    assert (await chain.token(await chain.assertion(), scope=None)).scope == ""


def test_keycloak_issues_no_assertions(chain: Chain):
    """Why the other way round is not tried; if this fails, it can be."""
    signed_in = chain.ask("token", grant_type="password", username="ada", password=secret_of("ada"))
    refused = chain.ask(
        "token",
        grant_type=EXCHANGE,
        requested_token_type=ID_JAG,
        subject_token=signed_in["access_token"],
        subject_token_type=ACCESS_TOKEN,
        audience="https://as.docs.example",
    )
    assert refused == {
        "error": "invalid_request",
        "error_description": "requested_token_type unsupported",
    }
