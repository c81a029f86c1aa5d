"""What a proof is worth, and what is still to be proven."""

import pytest

from server.defence.sources import network
from server.domain.people import ACR_PASSWORD
from server.identity.addresses import email_key, good_address, good_name
from server.identity.authenticators import (
    ACR_VALUES,
    Factor,
    Step,
    next_step,
    satisfies,
    strength,
)


def test_a_password_alone_makes_a_session_and_nothing_less_does():
    assert next_step(()) is Step.GIVE_PASSWORD
    assert next_step((Factor.PASSWORD,)) is Step.DONE
    assert strength((Factor.PASSWORD,)) == (ACR_PASSWORD, ("pwd",))


def test_a_wish_for_an_unknown_context_is_never_met():
    assert satisfies(ACR_PASSWORD, ())
    assert satisfies(ACR_PASSWORD, (ACR_PASSWORD,))
    assert satisfies(ACR_PASSWORD, ("urn:other", ACR_PASSWORD))
    assert not satisfies(ACR_PASSWORD, ("urn:other",))
    assert not satisfies("urn:other", (ACR_PASSWORD,))
    assert ACR_VALUES == (ACR_PASSWORD,)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Ana@Example.com", "ana@example.COM"), (" ana@example.com ", "ana@example.com"),
        ("ANA\uff20example.com", "ana@example.com"), ("stra\u00dfe@x.de", "STRASSE@x.de"),
        ("e\u0301@x.fr", "\u00e9@x.fr"),
    ],
)  # fmt: skip
def test_spellings_of_one_address_are_one_account(left: str, right: str):
    assert email_key(left) == email_key(right)


@pytest.mark.parametrize(
    "address",
    [
        "", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a@.b", "a@b.", "a..b@c", "a@b..c",
        "<a@b>", "a@b,c@d", "a\u200b@b", "a\u202e@b", "a@b\x00", "x" * 65 + "@b",
        "a@" + "b" * 253, "a@[1.2.3.4]", '"a"@b',
    ],
)  # fmt: skip
def test_what_cannot_be_an_address_is_refused(address: str):
    assert not good_address(address)


def test_addresses_and_names_of_people_everywhere_are_accepted():
    for address in ("ana@localhost", "ana+x@example.com", "o'neil@example.ie", "żółw@łódź.pl"):
        assert good_address(address)
    for name in ("Ana", "O", "李", "Jean-Luc d'Arc"):
        assert good_name(name)
    for name in ("", " ", "\u200b", "x" * 121, "--"):
        assert not good_name(name)


@pytest.mark.parametrize(
    ("address", "whom"),
    [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("unix", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_a_source_is_an_address_or_an_ipv6_network(address: str, whom: str):
    assert network(address) == whom
