"""What is committed runs anywhere and promises nothing it has not done."""

import re

import pytest

from tests.support.tree import ROOT, project_files

# Written so that this file does not contain what it looks for.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/(?:work|root)/|/opt/[w]heels|\.py[e]nv\b",
    "a package index": r"https?://[^\s/\"]*(?:pypi|pythonhosted|npmjs|nexus|artifactory|mirror)",
    "an option that names an index": r"--(?:extra-)?index-[u]rl\s*[= ]\s*h|--trusted-[h]ost",
    "a promise instead of code": r"\b(?:TO[D]O|FIX[M]E)\b",
    "a conflict of a merge": r"^(?:<{7} |>{7} )",
}
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-tools.lock",
    ".ci/frameworks.lock",
    ".ci/langchain.lock",
)


def _texts() -> dict[str, str]:
    found = {}
    for path in project_files():
        try:
            found[path.as_posix()] = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_file_names(what: str):
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group()}"
        for name, text in _texts().items()
        for hit in pattern.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_is_exact_hashed_and_without_addresses(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"(?m)^(?=\S)", text)[1:]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+(\[[a-z,-]+\])?==\S+ ", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_lock_of_the_runtime_is_what_the_tests_run_with():
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"(?m)^([a-z0-9-]+)(?:\[[a-z,-]+\])?==(\S+)", text))

    tested = versions("requirements-dev.lock")
    for name in ("requirements.lock", "requirements-tools.lock"):
        assert versions(name).items() <= tested.items(), name
