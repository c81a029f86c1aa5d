"""Names that strangers choose and instants, as words."""

import pytest

from server.web.time_words import absolute, iso, relative
from server.web.visible_text import visible
from tests.support.clock import NEW_YEAR_2026 as NOW


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Research Helper", "Research Helper"),
        ("Ünïcödé Агент 助手 بنيامين", "Ünïcödé Агент 助手 بنيامين"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\x00b", "a⟨U+0000⟩b"),
        ("a\x9fb", "a⟨U+009F⟩b"),
        ("Goo\u200dgle", "Goo⟨U+200D⟩gle"),
        ("\u200d", "⟨U+200D⟩"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("می\u200cکنم", "می\u200cکنم"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("blank\u3164", "blank⟨U+3164⟩"),
        ("two\nlines", "two\nlines"),
        ("line\u2028break", "line⟨U+2028⟩break"),
        ("a" + "\u0301" * 50 + "b", "a" + "\u0301" * 4 + "b"),
        ("\ud800", "⟨U+D800⟩"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str):
    assert visible(text) == shown
    assert visible(shown) == shown


def test_an_instant_is_absolute_in_utc_and_relative_to_now():
    assert absolute(NOW) == "1\u00a0Jan\u00a02026, 00:00\u00a0UTC"
    assert iso(NOW + 1_234) == "2026-01-01T00:00:01Z"
    assert absolute(10**18).startswith("31\u00a0Dec\u00a09999, 23:59")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (-44, "just now"),
        (-45, "1 minute ago"),
        (-60, "1 minute ago"),
        (-3599, "59 minutes ago"),
        (-3600, "1 hour ago"),
        (-86_400 * 2, "2 days ago"),
        (-86_400 * 31, "1 month ago"),
        (-86_400 * 800, "2 years ago"),
        (1, "in a moment"),
        (90, "in 1 minute"),
        (86_400 * 27, "in 27 days"),
    ],
)
def test_relative_words_follow_the_clock(seconds: int, words: str):
    assert relative(NOW + seconds * 1000, NOW) == words
