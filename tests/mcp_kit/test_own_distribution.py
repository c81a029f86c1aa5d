"""`mandate-mcp`, built and installed with what it declares and nothing else, serves an example."""

import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mcp_tools.testing.issuer import ThrowawayIssuer
from tests.mcp_kit.test_examples import DELEGATED, _call, _running, _settings
from tests.requirements import requirement
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "packages" / "mandate-mcp"
ABSENT = ("server", "sqlalchemy", "cel_expr_python", "argon2", "jinja2", "alembic", "openfga_sdk")

PROBE = """
import importlib, importlib.util, pkgutil
import authz, mcp_tools
for package in (mcp_tools, authz):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name not in {optional!r}:
            importlib.import_module(module.name)
    print(package.__file__)
print(*[name for name in {absent!r} if importlib.util.find_spec(name)])
"""
OPTIONAL = ("mcp_tools.fastmcp_server", "mcp_tools.client.httpx_auth")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `make kit` does, without the network."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (built,) = folder.glob("mandate_mcp-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment: the wheel, and what its metadata asks for.

    The dependencies are linked from this environment, by the requirements of each distribution in
    turn, as an installer would find them; so nothing is there that nobody declared.
    """
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (info,) = site.glob("mandate_mcp-*.dist-info")
    for found in _closure(PathDistribution(info)):
        for entry in {Path(str(file)).parts[0] for file in found.files or ()}:
            source, target = Path(str(found.locate_file(entry))), site / entry
            if entry not in {"..", "__pycache__"} and not target.exists():
                target.symlink_to(source)
    return home / "bin" / "python"


def _closure(root: Distribution) -> list[Distribution]:
    found: dict[str, Distribution] = {}
    waiting: list[tuple[Distribution, frozenset[str]]] = [(root, frozenset({""}))]
    while waiting:
        current, extras = waiting.pop()
        for text in current.requires or ():
            needed = Requirement(text)
            if needed.marker and not any(needed.marker.evaluate({"extra": e}) for e in extras):
                continue
            key = f"{needed.name.lower()}[{','.join(sorted(needed.extras))}]"
            if key not in found:
                found[key] = distribution(needed.name)
                assert needed.specifier.contains(found[key].version, prereleases=True), text
                waiting.append((found[key], frozenset({"", *needed.extras})))
    return list(found.values())


def test_the_wheel_has_the_kit_and_no_server(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {
        "authz",
        "mcp_tools",
    }
    assert not [name for name in names if name.startswith(("authz/engine", "authz/stores"))]
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_both_distributions_have_one_version() -> None:
    import tomllib

    versions = {
        tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"]
        for path in (ROOT / "pyproject.toml", PROJECT / "pyproject.toml")
    }
    assert len(versions) == 1


@requirement("mcp:kit:alone")
def test_every_module_is_there_with_what_it_imports(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(python), "-I", "-c", PROBE.format(absent=ABSENT, optional=OPTIONAL)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *files, absent = done.stdout.splitlines()
    assert all(str(python.parents[1]) in name for name in files)
    assert absent == ""


@requirement("mcp:kit:alone")
async def test_an_example_serves_from_the_wheel_alone(python: Path) -> None:
    issuer = ThrowawayIssuer()
    with issuer.on_loopback() as url:
        settings = _settings("notes", url, free_port())
        with _running("notes", settings, [str(python), "-I"]) as resource:
            token = issuer.token(**DELEGATED, scopes=["notes:write"], resource=resource)
            assert await _call(resource, token, "add_note", text="milk") == 1
            issuer.rules.end("agt_a", "agent_suspended")
            assert "agent_suspended" in await _call(resource, token, "add_note", text="eggs")
