"""Which passwords are refused and why (NIST SP 800-63B-4 §3.1.1.2)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.identity.password_rules import PasswordFault, check_password

ANA = {"email": "ana.lima@example.com", "name": "Ana Lima"}


@pytest.mark.parametrize(
    "password",
    [
        "nine green kettles whistle", "my dog ate the blue sofa", "Zug nach Österreich um 9",
        "jfk2#dls8q0vme4", "żółta kaczka pływa", "かなしいときはうたをうたおうよ", "🦊🐻🐯🦁🐮🐷🐸🐵🐔🐧🐦🐤🦆🦅🦉", "!#%&/()=?+*-_.:;,<>", "ana 🦊🐻🐯🦁🐮🐷🐸🐵🐔🐧🐦🐤", "  two  spaces  between  ",
        "xk7 xk8 qm2 vv9", "🦊 jumps over 🐻 at night", "tax return due in may again",
        "sunshine over Reykjavik bay", "correct horse eats my slippers",
    ],
)  # fmt: skip
def test_long_passwords_of_ones_own_are_accepted_without_composition_rules(password: str):
    assert check_password(password, **ANA) is None


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("fourteen chars", PasswordFault.SHORT),
        ("é" * 14, PasswordFault.SHORT),
        ("a b " * 65, PasswordFault.LONG),
        ("x" * 15, PasswordFault.FEW_CHARACTERS),
        ("abab abab abab abab", PasswordFault.FEW_CHARACTERS),
        (" " * 15, PasswordFault.FEW_CHARACTERS),
        ("kettle kettle kettle", PasswordFault.REPEATED),
        ("green1green1green1", PasswordFault.REPEATED),
        ("Green1gREEN1green1gr", PasswordFault.REPEATED),
        ("abcdefghijklmnop", PasswordFault.SEQUENCE),
        ("ponmlkjihgfedcba", PasswordFault.SEQUENCE),
        ("123456789012345", PasswordFault.SEQUENCE),
        ("1234 5678 9012 3456", PasswordFault.SEQUENCE),
        ("qwertyuiopasdfgh", PasswordFault.SEQUENCE),
        ("1qaz2wsx3edc4rfv", PasswordFault.SEQUENCE),
        ("ana.lima@example.com", PasswordFault.PERSONAL),
        ("AnaLima.Example.99", PasswordFault.PERSONAL),
        ("mandate-mandate-ana", PasswordFault.PERSONAL),
        ("@na L1ma example 1", PasswordFault.PERSONAL),
        ("password password1", PasswordFault.COMMON),
        ("P@ssw0rd-P@ssw0rd-1", PasswordFault.COMMON),
        ("iloveyou forever 2026", PasswordFault.COMMON),
        ("correct horse battery staple", PasswordFault.COMMON),
        ("thisismypassword2026!", PasswordFault.COMMON),
        ("letmein-letmein-2026", PasswordFault.COMMON),
    ],
)  # fmt: skip
def test_what_is_common_or_to_be_expected_is_refused_with_the_reason(
    password: str, fault: PasswordFault
):
    assert check_password(password, **ANA) is fault


def test_fifteen_code_points_are_enough_however_they_are_typed():
    word = "Österreich ähnö"
    assert len(word) == 15
    decomposed = unicodedata.normalize("NFD", word)
    assert len(decomposed) > 15
    assert check_password(word, **ANA) is check_password(decomposed, **ANA) is None
    # Fourteen characters do not become fifteen by being taken apart.
    short = unicodedata.normalize("NFD", "Österreich ähn")
    assert len(short) >= 15
    assert check_password(short, **ANA) is PasswordFault.SHORT


def test_256_code_points_are_the_most():
    words = "".join(chr(0x4E00 + n) for n in range(257))
    assert check_password(words[:256], **ANA) is None
    assert check_password(words, **ANA) is PasswordFault.LONG


@given(st.text(max_size=300), st.text(max_size=40), st.text(max_size=40))
def test_any_text_gets_an_answer(password: str, email: str, name: str):
    fault = check_password(password, email=email, name=name)
    assert fault is None or fault.value.startswith("This password")


@given(st.text(min_size=1, max_size=20), st.integers(2, 12))
def test_a_piece_again_and_again_is_never_accepted(piece: str, times: int):
    assert check_password(piece * times, **ANA) is not None
