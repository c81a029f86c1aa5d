"""Documents that cannot rot: links lead somewhere, every setting is told."""

import importlib.util
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.tree import ROOT, project_files

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_SETTING = re.compile(r"\bMANDATE_[A-Z0-9_]+\b")
SETTINGS_PAGE = ROOT / "docs" / "settings.md"

PAGES = [path for path in project_files() if path.suffix == ".md"]


def _prose(path: Path) -> str:
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def _anchor(heading: str) -> str:
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_each_link_leads_to_a_file_and_a_heading(page: Path):
    broken = []
    for match in _LINK.finditer(_prose(ROOT / page)):
        target = unquote(match[1] or match[2])
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        if not file.exists():
            broken.append(target)
        elif anchor and file.suffix == ".md":
            headings = _HEADING.findall(_prose(file))
            if anchor not in {_anchor(heading) for heading in headings}:
                broken.append(target)
    assert broken == []


def _settings() -> set[str]:
    if importlib.util.find_spec("server.settings") is None:
        pytest.skip("server.settings is not written yet")
    from server.settings import Settings

    return {f"MANDATE_{name.upper()}" for name in Settings.model_fields}


def _told() -> set[str]:
    if not SETTINGS_PAGE.exists():
        pytest.fail("docs/settings.md is missing", pytrace=False)
    return set(_SETTING.findall(SETTINGS_PAGE.read_text(encoding="utf-8")))


def test_each_setting_is_documented():
    assert _settings() - _told() == set()


def test_each_documented_setting_exists():
    names = _settings()
    with_files = names | {f"{name}_FILE" for name in names}
    assert _told() - with_files == set()


def test_each_decision_is_listed_in_the_index_of_decisions():
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text(encoding="utf-8")
    numbered = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert numbered
    assert [name for name in numbered if f"({name})" not in index] == []
