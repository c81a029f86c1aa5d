"""Wrong input and broken surroundings: one line, what to do next, no stack trace, no secret."""

import os
import re
from pathlib import Path

import pytest

from server.storage.migrate import upgrade
from tests.cli.conftest import Done, Mandate
from tests.support.processes import run_mandate


def _one_line(done: Done, code: int, hint: str) -> None:
    assert done.code == code, done
    assert done.out == ""
    assert re.fullmatch(r"mandate: [^\n]+\n", done.complaint), done.complaint
    assert hint in done.complaint
    assert "Traceback" not in done.complaint


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("nonsense", "mandate --help"),
        ("client add", "mandate client add --help"),
        ("client add x --auth magic", "client_secret_basic"),
        ("client add x --grant password", "token-exchange"),
        ("client add x --public --auth private_key_jwt", "--public"),
        ("client add x --id-token-alg HS256", "ES256"),
        ("client add x --jwks settings", "JWK set"),
        ("serve --workers 0", "--workers"),
        ("serve --port 65536", "--port"),
        ("serve --port many", "--port"),
        ("agent add x --root everything", "folder:team"),
        ("agent ceiling agt_x --clear --scope a", "--clear"),
        ("agent list --status asleep", "suspended"),
        ("resource add", "--id"),
        ("resource add settings --name x", "not both"),
        ("resource add settings", "JSON"),
        ("resource add --id https://a.example --name A --default r", "--scope"),
        ("resource add --id https://a.example --name A --person-only r", "--scope"),
        ("resource add --id https://a.example --name A --pickable folder", "TYPE:RELATION:WORDS"),
        ("resource add --id https://a.example --name A --edge folder", "SCOPE URI SCOPE"),
        ("resource add --id https://a.example --name A --tool read", "NAME SCOPE,SCOPE WORDS"),
        ("resource add --id https://a.example --name A --includes r=w", "--scope"),
        ("resource add --id https://a.example --name A --token-ttl 9999", "token_ttl"),
        ("resource add --id https://a.example --name A --alg none", "ES256"),
        ("resource add --id https://a.example", "name"),
        ("resource add --id https://a.example --name A --type Folder", "types"),
        ("keys rotate --alg HS256", "EdDSA"),
        ("keys revoke some-kid", "--yes"),
        ("audit verify --keys settings", "--export"),
        ("audit export - --json", "name a file"),
        ("delegation list --state asleep", "revoked"),
        ("user add a@example.test --password-file empty", "empty"),
    ],
)
def test_wrong_usage_is_told_in_one_line(desk: Mandate, arguments: str, hint: str):
    Path("settings").write_text("no document")
    Path("empty").write_text("\n")
    done = desk(*arguments.split())
    _one_line(done, 2, hint)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("client add x --agent agt_nobody", "mandate agent add"),
        ("client add x --resource-server https://nobody.example", "mandate resource add"),
        ("client add x --redirect-uri http://app.example/cb", "https"),
        ("client add x --auth private_key_jwt", "jwks_uri"),
        ("client add x --public --grant client_credentials", "public client"),
        ("client add x --id usr_x", "client id"),
        ("client add x --jwks missing.json", "No such file"),
        ("client disable cli_nobody", "no client"),
        ("agent add x --owner nobody@example.test", "mandate user list"),
        ("agent suspend agt_nobody", "mandate agent list"),
        ("agent ceiling agt_nobody", "mandate agent list"),
        ("agent ceiling agt_nobody --scope a", "no agent"),
        ("resource add missing.json", "No such file"),
        ("resource add --id notauri --name A", "absolute URI"),
        ("resource add --id https://a.example --name A --type folder", "model"),
        ("user add nobody", "address"),
        ("user add a@example.test --password-file short", "15 characters"),
        ("user disable nobody@example.test", "mandate user list"),
        ("delegation show dlg_nobody", "mandate delegation list"),
        ("delegation list --user nobody@example.test", "mandate user list"),
        ("keys revoke some-kid --yes", "mandate keys list"),
        ("audit verify --head short", "head"),
        ("audit verify --export short", "line 1"),
        ("restore missing.db", "not a file"),
        ("restore short", "not a backup"),
        ("backup short", "overwrites nothing"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(desk: Mandate, arguments: str, hint: str):
    Path("short").write_text("too short\n")
    _one_line(desk(*arguments.split()), 1, hint)


def test_names_that_are_taken_are_refused(mandate: Mandate):
    for arguments in (
        ("client", "add", "A", "--id", "same"),
        ("user", "add", "ann@example.test"),
        ("resource", "add", "--id", "https://a.example", "--name", "A"),
    ):
        assert mandate(*arguments, "--json").code == 0
        _one_line(mandate(*arguments, "--json"), 1, "already")
    _one_line(mandate("user", "add", " ANN@Example.TEST"), 1, "already")


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"MANDATE_ISSUER": None}, "mandate init"),
        ({"MANDATE_ISSUER": "http://id.example"}, "https"),
        ({"MANDATE_KEK": None}, "MANDATE_KEK_FILE"),
        ({"MANDATE_KEK": "not-a-key"}, "MANDATE_KEK_FILE"),
        ({"MANDATE_KEK": None, "MANDATE_KEK_FILE": "missing.kek"}, "No such file"),
        ({"MANDATE_KEK": None, "MANDATE_KEK_FILE": "open.kek"}, "0600"),
        ({"MANDATE_DATABASE_URL": "mysql://db/x"}, "sqlite:///"),
        ({"MANDATE_DATABASE_URL": "sqlite:///:memory:"}, "sqlite:///"),
        ({"MANDATE_DATABASE_URL": "sqlite:///open.kek"}, "not a database"),
        ({"MANDATE_DATABASE_URL": "sqlite:///empty.db"}, "mandate migrate"),
        ({"MANDATE_DATABASE_URL": "postgresql://u:pass-word@127.0.0.1:1/x"}, "refused"),
        ({"MANDATE_DATABASE_URL": "postgresql://u:pass-word@127.0.0.1:port/x"}, "URL"),
        ({"MANDATE_PORT": "99999"}, "MANDATE_PORT"),
        ({"MANDATE_OUTBOUND_CA_FILE": "missing.pem"}, "missing.pem: No such file"),
        ({"MANDATE_OUTBOUND_CA_FILE": "open.kek"}, "open.kek: "),
    ],
)
@pytest.mark.parametrize("command", ["client list", "serve --workers 2"])
def test_broken_surroundings_are_told_in_one_line(
    desk: Mandate, monkeypatch, command: str, changes: dict[str, str | None], hint: str
):
    Path("open.kek").write_text("b" * 43)
    Path("open.kek").chmod(0o644)
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    done = desk(*command.split())
    _one_line(done, 1, hint)
    assert "pass-word" not in done.complaint
    assert "not-a-key" not in done.complaint
    assert not Path("empty.db").exists()


def test_a_key_that_opens_nothing_stops_every_command(desk: Mandate, monkeypatch):
    other = "A" * 43
    monkeypatch.setenv("MANDATE_KEK", other)
    done = desk("client", "list")
    _one_line(done, 1, "MANDATE_KEK_FILE must name the key")
    assert other not in done.complaint


def test_a_database_of_a_newer_version_is_left_alone(desk: Mandate, sqlite_url: str, monkeypatch):
    import sqlite3
    from contextlib import closing

    from tests.support.databases import sqlite_path

    upgrade(sqlite_url)
    with closing(sqlite3.connect(sqlite_path(sqlite_url))) as connection, connection:
        connection.execute(
            "UPDATE alembic_version SET version_num = '9999' WHERE version_num NOT LIKE 'authz%'"
        )
    monkeypatch.setenv("MANDATE_DATABASE_URL", sqlite_url)
    _one_line(desk("migrate"), 1, "newer Mandate")


def test_a_real_process_ends_with_the_same_line_and_code(tmp_path: Path):
    done = run_mandate("serve", settings={}, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "mandate: MANDATE_ISSUER is not set: run `mandate init`, or set it in the environment\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_module_is_the_command(tmp_path: Path):
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "server", "--help"], cwd=tmp_path, env=dict(os.environ),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("Usage: mandate ")
