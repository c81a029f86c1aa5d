"""Passwords are hashed with argon2id, in full, in a bounded line."""

import asyncio
import unicodedata
from collections.abc import Iterator

import pytest

from server.domain.unit import UnavailableError
from server.identity.passwords import Passwords
from tests.support.entropy import SequenceEntropy

PASSWORD = "nine green kettles whistle"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(SequenceEntropy(), workers=1, waiting=2)
    yield made
    made.close()


async def test_a_hash_names_its_cost_and_is_salted(passwords: Passwords):
    first, second = await passwords.hash(PASSWORD), await passwords.hash(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert PASSWORD not in first


@pytest.mark.parametrize(
    "typed",
    [
        PASSWORD + " ", " " + PASSWORD, PASSWORD.upper(), PASSWORD[:-1], "", PASSWORD + "\x00",
        PASSWORD.replace(" ", "\u00a0"),
    ],
)  # fmt: skip
async def test_nothing_of_a_password_is_trimmed_cut_or_folded(passwords: Passwords, typed: str):
    stored = await passwords.hash(PASSWORD)
    assert (await passwords.verify(PASSWORD, stored)).right
    assert not (await passwords.verify(typed, stored)).right


async def test_two_spellings_of_one_character_are_one_password(passwords: Passwords):
    composed = unicodedata.normalize("NFC", "żółta kaczka pływa")
    stored = await passwords.hash(unicodedata.normalize("NFD", composed))
    assert (await passwords.verify(composed, stored)).right
    # Only canonical equivalence: a full-width letter is another letter.
    assert not (await passwords.verify(composed.replace("k", "\uff4b"), stored)).right


async def test_the_end_of_a_very_long_password_counts(passwords: Passwords):
    long = "".join(chr(0x4E00 + n) for n in range(256))
    stored = await passwords.hash(long)
    assert not (await passwords.verify(long[:-1] + "x", stored)).right


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$v=19$broken", "$2b$12$x"])
async def test_no_hash_and_a_broken_hash_never_verify(passwords: Passwords, stored: str | None):
    assert not (await passwords.verify(PASSWORD, stored)).right
    assert not (await passwords.verify("", stored)).right


async def test_a_full_line_is_refused_at_once_and_empties_again(passwords: Passwords):
    outcomes = await asyncio.gather(
        *(passwords.hash(PASSWORD) for _ in range(8)), return_exceptions=True
    )
    refused = [o for o in outcomes if isinstance(o, UnavailableError)]
    assert len(refused) == 5
    assert await passwords.hash(PASSWORD)


async def test_callers_who_go_away_do_not_make_room_before_their_work_ends(passwords: Passwords):
    tasks = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    with pytest.raises(UnavailableError):
        await passwords.hash(PASSWORD)
    await asyncio.gather(*tasks, return_exceptions=True)
