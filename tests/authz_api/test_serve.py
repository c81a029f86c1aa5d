"""`mandate authz serve` as an operator meets it: it does not start where it would be unsafe."""

import os
from collections.abc import Callable

import httpx2
import pytest

from server.cli.authz_settings import AuthzSettings
from server.cli.program import run
from server.storage.migrate import applied, missing, upgrade
from tests.authz_api.conftest import KEY, settings_of
from tests.conftest import BOTH_ENGINES
from tests.support.databases import Databases
from tests.support.processes import ServerProcess, mandate_command, run_mandate
from tests.support.tree import ROOT

COMMAND = mandate_command("authz", "serve", "--port", "{port}")
Complaint = Callable[..., tuple[int, str]]
PAGE = (ROOT / "docs" / "openfga-api.md").read_text(encoding="utf-8")


@pytest.fixture
def complaint(tmp_path, monkeypatch, capsys) -> Complaint:
    """Try to serve with these settings; return the exit code and the one line that says why not."""

    def run_with(settings: dict[str, str], *options: str) -> tuple[int, str]:
        for name in [name for name in os.environ if name.startswith("MANDATE_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        code = run(["authz", "serve", "--port", "0", *options])
        printed = capsys.readouterr()
        assert KEY not in printed.out + printed.err
        assert len(printed.err.splitlines()) == 1, printed.err
        return code, printed.err

    return run_with


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"MANDATE_AUTHZ_KEYS": ""}, (), "at least 16 characters"),
        ({"MANDATE_AUTHZ_KEYS": "short"}, (), "at least 16 characters"),
        ({"MANDATE_AUTHZ_KEYS": f"{KEY},short"}, (), "at least 16 characters"),
        ({"MANDATE_AUTHZ_KEYS_FILE": "keys.txt"}, (), "MANDATE_AUTHZ_KEYS_FILE or"),
        ({"MANDATE_AUTHZ_AUTH": "none"}, ("--host", "0.0.0.0"), "loopback address alone"),
        ({"MANDATE_AUTHZ_AUTH": "none", "MANDATE_AUTHZ_HOST": "::"}, (), "loopback address alone"),
        ({"MANDATE_AUTHZ_AUTH": "oidc"}, (), "set MANDATE_AUTHZ_ISSUER"),
        ({"MANDATE_AUTHZ_AUTH": "open"}, (), "MANDATE_AUTHZ_AUTH"),
    ],
)
def test_an_unsafe_combination_does_not_start(complaint, tmp_path, changes, options, said):
    settings = settings_of(tmp_path)
    upgrade(settings["MANDATE_AUTHZ_DATABASE_URL"], branch="authz")
    code, line = complaint({**settings, **changes}, *options)
    assert code == 2
    assert said in line


def test_a_database_without_the_tables_is_told(complaint, tmp_path):
    code, line = complaint(settings_of(tmp_path))
    assert code == 1
    assert "mandate authz migrate" in line


@pytest.fixture(params=BOTH_ENGINES)
def address(request: pytest.FixtureRequest) -> str:
    kind = "postgres" if request.param == "postgresql" else "sqlite"
    databases: Databases = request.getfixturevalue(f"{kind}_databases")
    return databases.empty()


def test_it_serves_the_engine_s_tables_alone_on_either_database(tmp_path, address):
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{KEY}\n\nanother-key-of-the-tests\n")
    settings = {"MANDATE_AUTHZ_DATABASE_URL": address, "MANDATE_AUTHZ_KEYS_FILE": str(keys)}
    first = run_mandate("authz", "migrate", "--json", settings=settings, cwd=tmp_path)
    assert first.stdout == '{"applied":["authz_0003"]}\n'
    assert run_mandate("authz", "migrate", "--json", settings=settings, cwd=tmp_path).stdout == (
        '{"applied":[]}\n'
    )
    assert applied(address) == ["authz_0003"]
    with ServerProcess(
        folder=tmp_path, settings=settings, command=COMMAND, ready_path="/healthz"
    ) as process:
        for key in (KEY, "another-key-of-the-tests"):
            headers = {"Authorization": f"Bearer {key}"}
            with httpx2.Client(base_url=process.url, headers=headers, trust_env=False) as http:
                made = http.post("/stores", json={"name": "either"}).json()["id"]
                model = {"schema_version": "1.1", "type_definitions": [{"type": "user"}]}
                path = f"/stores/{made}"
                assert http.post(f"{path}/authorization-models", json=model).status_code == 201
                assert http.post(f"{path}/read", json={}).json()["tuples"] == []
                assert http.get(f"{path}/changes").json()["changes"] == []
        assert process.stop() == 0
        assert KEY not in process.printed()


def test_it_serves_the_whole_schema_as_well(tmp_path):
    settings = settings_of(tmp_path)
    upgrade(settings["MANDATE_AUTHZ_DATABASE_URL"])
    assert missing(settings["MANDATE_AUTHZ_DATABASE_URL"], branch="authz") == []
    with ServerProcess(
        folder=tmp_path, settings=settings, command=COMMAND, ready_path="/healthz"
    ) as process:
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx2.Client(base_url=process.url, headers=headers, trust_env=False) as http:
            assert http.get("/stores").json() == {"stores": [], "continuation_token": ""}


def test_each_setting_is_documented():
    for name, field in AuthzSettings.model_fields.items():
        assert f"| `MANDATE_AUTHZ_{name.upper()}` |" in PAGE
        assert f"| {field.description} |" in PAGE
