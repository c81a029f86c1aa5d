"""The stylesheet's tokens: text can be read in both schemes (WCAG 2.2 §1.4.3, §1.4.11)."""

import re

import pytest

from server.web.static_files import STATIC_FOLDER

CSS = (STATIC_FOLDER / "style.css").read_text()
TOKENS = {
    name: colors
    for name, *colors in re.findall(
        r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS
    )
}
GROUNDS = ("paper", "sheet", "well")
TEXT = [
    *((ink, ground) for ink in ("ink", "soft", "accent", "bad") for ground in GROUNDS),
    ("ink", "accent-well"),
    ("soft", "accent-well"),
    ("accent", "accent-well"),
    ("accent-ink", "accent"),
    ("bad-ink", "bad-fill"),
    *((tone, f"{tone}-well") for tone in ("good", "warn", "bad")),
    *(("ink", f"{tone}-well") for tone in ("good", "warn", "bad")),
]
#: Borders of fields, buttons and switches, and the knob of a switch that is off.
CONTROLS = [("edge", "paper"), ("edge", "well"), ("edge", "sheet"), ("accent", "sheet")]


def luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_stands_out(ink: str, ground: str, scheme: int):
    assert contrast(TOKENS[ink][scheme], TOKENS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), CONTROLS)
def test_controls_can_be_made_out(ink: str, ground: str, scheme: int):
    assert contrast(TOKENS[ink][scheme], TOKENS[ground][scheme]) >= 3


def test_every_token_that_is_used_is_defined_and_nothing_is_fetched():
    defined = set(re.findall(r"^\s*(--[a-z-]+):", CSS, re.MULTILINE))
    assert set(re.findall(r"var\((--[a-z-]+)", CSS)) <= defined
    assert "url(" not in CSS
    assert "@import" not in CSS
    assert "prefers-reduced-motion" in CSS


def test_no_class_is_styled_that_no_page_uses():
    templates = "".join(
        path.read_text() for path in (STATIC_FOLDER.parent / "templates").rglob("*.html")
    )
    used = set(re.findall(r"[a-z-]+", templates))
    assert set(re.findall(r"\.([a-z][a-z-]+)(?=[^{}]*\{)", CSS)) <= used
