"""Accounts that somebody wants to be found as: by an address, by a subject, by another issuer."""

from dataclasses import replace
from typing import Any

import pytest

from server.domain.issuers import IssuerPurpose
from server.services.trusted_issuers import add_issuer, link_identity
from tests.protocol.test_token_exchange import claims, refused
from tests.requirements import requirement
from tests.support.enterprise_house import House
from tests.support.idp import IDP, SUBJECT, Signer, allowance


async def addressed(house: House) -> None:
    """Let the enterprise decide on the addresses of example.test."""
    value = house.idp.trusted(
        IssuerPurpose.ID_JAG,
        allowances=(allowance(house.assistant),),
        email_domains=("example.test",),
    )
    await add_issuer(house.w.core, value, by="test", in_place=True)


BOB: dict[str, Any] = {"sub": "U-bob", "email": "bob@example.test", "email_verified": True}


@requirement("enterprise:linked-only")
async def test_an_address_finds_an_account_that_an_administrator_made(house: House):
    bob = await house.w.user("bob")
    refused(
        await house.ask(house.idp.jag(house.assistant, **BOB)), "invalid_grant", "subject_unknown"
    )
    await addressed(house)
    body = await house.token(**BOB)
    assert claims(body["access_token"])["sub"] == bob.id
    # From then on the subject counts, whatever address comes with it.
    later = await house.token(**{**BOB, "email": "carol@example.test"})
    assert claims(later["access_token"])["sub"] == bob.id


@requirement("enterprise:linked-only")
@pytest.mark.parametrize(
    "changes",
    [
        {"email_verified": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": ["bob@example.test"]},
        {"email": "bob@example.test.evil.example"},
        {"email": "bob@sub.example.test"},
        {"email": "bob@example.test@evil.example"},
        {"email": "bob@evil.example"},
        {"email": " bob@example.test"},
        {"email": "bob@example.test\n"},
        {"email": "\uff42\uff4f\uff42@example.test"},
        {"email": "nobody@example.test"},
        {"email": ""},
    ],
)
async def test_an_address_that_is_not_the_issuers_to_decide_finds_nobody(
    house: House, changes: dict[str, Any]
):
    await house.w.user("bob")
    await addressed(house)
    jag = house.idp.jag(house.assistant, **{**BOB, **changes})
    refused(await house.ask(jag), "invalid_grant", "subject_unknown")


@requirement("enterprise:linked-only")
async def test_who_signs_up_with_a_colleagues_address_gets_nothing_by_it(house: House):
    w = house.w
    await addressed(house)
    # Signed up by themselves, with an address that nobody has verified.
    mallory = replace(
        await w.user("mallory"), id="usr_mallory", email="bob@example.test",
        email_key="bob@example.test", vouched=False,
    )  # fmt: skip
    await w.core.store.write(lambda tx: w.core.rows.users.add(tx, mallory))
    refused(
        await house.ask(house.idp.jag(house.assistant, **BOB)), "invalid_grant", "subject_unknown"
    )


@requirement("enterprise:linked-only")
async def test_an_address_that_is_given_to_somebody_new_does_not_bring_the_account_along(
    house: House,
):
    await house.w.user("bob")
    await addressed(house)
    await house.token(**BOB)
    newcomer = house.idp.jag(house.assistant, **{**BOB, "sub": "U-newcomer"})
    refused(await house.ask(newcomer), "invalid_grant", "subject_unknown")
    # Nor the account that an administrator linked to another subject.
    ada = house.idp.jag(
        house.assistant, sub="U-other", email="ada@example.test", email_verified=True
    )
    refused(await house.ask(ada), "invalid_grant", "subject_unknown")


async def test_a_link_of_one_issuer_is_no_link_of_another(house: House):
    other = Signer(house.w, "https://other.idp.example")
    value = other.trusted(IssuerPurpose.ID_JAG, allowances=(allowance(house.assistant),))
    await add_issuer(house.w.core, value, by="test")
    refused(await house.ask(other.jag(house.assistant)), "invalid_grant", "subject_unknown")
    # The keys of one are not those of the other.
    borrowed = other.jag(house.assistant, iss=IDP)
    refused(await house.ask(borrowed), "invalid_grant", "assertion_refused")
    bob = await house.w.user("bob")
    await link_identity(house.w.core, other.issuer, SUBJECT, bob.id, by="test")
    told = claims((await house.ask(other.jag(house.assistant))).json()["access_token"])
    assert told["sub"] == bob.id
