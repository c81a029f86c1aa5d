"""The house rules that a reader would otherwise have to watch: sizes, names, banned calls."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tree import PACKAGES, ROOT, project_files, python_files

CAP = 400
CAPPED = {".py", ".html", ".css", ".js", ".mjs", ".fga", ".sh"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
RUFF = [str(Path(sys.executable).parent / "ruff"), "check", "--quiet", "--no-cache"]


def test_no_file_is_longer_than_the_cap():
    sizes = {
        path.as_posix(): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in project_files()
        if path.suffix in CAPPED and path.parent.name != "versions"  # a migration is history
    }
    assert {name: size for name, size in sizes.items() if size > CAP} == {}


def test_no_module_has_a_name_that_says_nothing():
    assert [
        p.as_posix() for p in python_files(*PACKAGES) if VAGUE & set(p.with_suffix("").parts)
    ] == []


def test_nothing_in_tests_or_examples_shadows_a_package():
    shadows = [
        path.as_posix()
        for path in project_files()
        if path.parts[0] in {"tests", "examples", "benchmarks"}
        and set(PACKAGES) & {path.stem if path.suffix == ".py" else "", *path.parts[:-1]}
    ]
    assert shadows == []


def test_each_folder_of_a_package_is_a_package_with_a_word_about_itself():
    folders = {path.parent for path in python_files(*PACKAGES) if path.parent.name != "versions"}
    silent = [
        folder.as_posix()
        for folder in folders
        if not (ROOT / folder / "__init__.py").is_file()
        or not (ROOT / folder / "__init__.py").read_text(encoding="utf-8").startswith('"""')
    ]
    assert silent == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_tells_that_it_is_typed(package: str):
    assert (ROOT / package / "py.typed").is_file()


def test_clock_and_entropy_are_arguments_everywhere():
    done = subprocess.run(
        [*RUFF, "--select", "TID251", *PACKAGES],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import time\nnow = time.time()\n",
        "import time\nnow = time.monotonic()\n",
        "from datetime import UTC, datetime\nnow = datetime.now(UTC)\n",
        "import secrets\n",
        "import random\n",
        "from uuid import uuid4\nname = uuid4()\n",
        "import os\nkey = os.urandom(32)\n",
        "from authlib.jose import jwt\n",
    ],
)
@pytest.mark.parametrize("place", ["server/protocol/x.py", "authz/x.py", "mcp_tools/x.py"])
def test_a_planted_call_is_caught(source: str, place: str):
    done = subprocess.run(
        [*RUFF, "--select", "TID251", "--stdin-filename", place, "-"],
        cwd=ROOT,
        input=source,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, source
    assert "TID251" in done.stdout
