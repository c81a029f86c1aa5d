"""`mandate init` and `migrate`, as real processes and within this one."""

import json
import os
import stat
from pathlib import Path

from tests.cli.conftest import Mandate
from tests.support.processes import run_mandate
from tests.support.world import TEST_KEK


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_directory_is_initialised_once_and_kept_the_second_time(tmp_path: Path):
    first = run_mandate("init", "--json", settings={}, cwd=tmp_path)
    made = json.loads(first.stdout)
    assert made["created"] == ["admin_link", "database", "kek", "settings"]
    assert made["admin_link"].startswith("http://127.0.0.1:8080/setup?link=")
    files = {name: (tmp_path / name) for name in ("mandate.env", "mandate.kek", "mandate.db")}
    assert {name: _mode(path) for name, path in files.items()} == dict.fromkeys(files, 0o600)
    before = {name: path.read_bytes() for name, path in files.items() if name != "mandate.db"}

    again = json.loads(run_mandate("init", "--json", settings={}, cwd=tmp_path).stdout)
    assert again["created"] == ["admin_link"]
    assert again["admin_link"] != made["admin_link"]
    assert before == {name: files[name].read_bytes() for name in before}


def test_nobody_gets_a_link_once_there_is_an_administrator(bare: Mandate):
    assert bare("init", "--json").document["admin_link"]
    assert bare("user", "add", "root@example.test", "--admin", "--json").code == 0
    told = bare("init", "--json").document
    assert (told["admin_link"], told["created"]) == (None, [])
    assert "kept  the administrator" in bare("init").out


def test_init_makes_the_directory_and_another_command_works_from_outside(
    bare: Mandate, tmp_path: Path
):
    assert bare("init", "house", "--issuer", "http://127.0.0.1:9123").code == 0
    os.chdir(tmp_path)
    listed = bare("--directory", "house", "client", "list", "--json").document
    assert listed == {"clients": []}
    os.chdir(tmp_path)
    # The URL names the port, since no proxy stands between.
    assert "MANDATE_PORT=9123\n" in Path("house/mandate.env").read_text()


def test_what_the_environment_says_is_what_is_written(
    bare: Mandate, database_url: str, monkeypatch
):
    monkeypatch.setenv("MANDATE_DATABASE_URL", database_url)
    monkeypatch.setenv("MANDATE_ISSUER", "https://id.example.test")
    monkeypatch.setenv("MANDATE_KEK", TEST_KEK)
    told = bare("init", "--json").document
    assert (told["issuer"], told["kek_file"]) == ("https://id.example.test", None)
    assert Path("mandate.env").read_text().splitlines() == [
        "MANDATE_ISSUER=https://id.example.test",
        f"MANDATE_DATABASE_URL={database_url}",
    ]
    assert bare("migrate", "--json").document == {"applied": []}


def test_settings_that_could_not_start_are_not_written(bare: Mandate):
    done = bare("init", "--issuer", "http://id.example.test")
    assert (done.code, list(Path().iterdir())) == (1, [])
    assert "must be https" in done.complaint


def test_a_second_run_does_not_change_the_issuer(bare: Mandate):
    assert bare("init").code == 0
    done = bare("init", "--issuer", "https://other.example.test")
    assert done.code == 1
    assert "edit that file" in done.complaint


def test_a_lost_key_is_not_replaced_by_one_that_opens_nothing(bare: Mandate):
    assert bare("init").code == 0
    Path("mandate.kek").unlink()
    done = bare("init")
    assert (done.code, Path("mandate.kek").exists()) == (1, False)
    assert "put that file back" in done.complaint


def test_migrate_says_what_it_applied_and_then_has_nothing_to_do(
    bare: Mandate, database_url: str, monkeypatch
):
    monkeypatch.setenv("MANDATE_DATABASE_URL", database_url)
    monkeypatch.setenv("MANDATE_ISSUER", "http://127.0.0.1:8080")
    monkeypatch.setenv("MANDATE_KEK", TEST_KEK)
    refused = bare("client", "list")
    assert refused.code == 1
    assert "run `mandate migrate`" in refused.complaint
    assert bare("migrate", "--json").document["applied"]
    assert bare("migrate", "--json").document == {"applied": []}
    assert bare("client", "list").code == 0
