"""`mandate authz push`, `diff`, `import` and `doctor` with a real OpenFGA server."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.domain.audit import AuditTag
from tests.cli.conftest import Done, Mandate, _run, settings_of
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.processes import ServerProcess
from tests.support.remote import new_store
from tests.support.world import World, prepared, world_at

pytestmark = pytest.mark.openfga

FOLDERS = [("user:anne", "owner", f"folder:f{number}") for number in range(130)]


@pytest.fixture
def url(sqlite_databases: SqliteDatabases) -> str:
    return sqlite_databases.copy_of("prepared", prepared)


@pytest.fixture
def store(openfga: ServerProcess) -> str:
    return new_store(openfga.url)


@pytest.fixture
def mandate(
    url: str, store: str, openfga: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Mandate:
    """Run commands that know the OpenFGA server, while the engine is still the embedded one."""
    for name in [name for name in os.environ if name.startswith("MANDATE_")]:
        monkeypatch.delenv(name)
    given = {"NO_COLOR": "1", "MANDATE_OPENFGA_URL": openfga.url, "MANDATE_OPENFGA_STORE_ID": store}
    for name, value in (settings_of(url) | given).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return _run


def filled(url: str, work: Callable[[World], Any]) -> None:
    """Change a database as a server would."""

    async def run() -> None:
        async with world_at(url, FrozenClock()) as w:
            await work(w)

    asyncio.run(run())


async def folders(w: World) -> None:
    await w.resource()
    for start in range(0, len(FOLDERS), 100):
        await w.relate(*FOLDERS[start : start + 100])


def there(
    openfga: ServerProcess, store: str, writes: Any = (), deletes: Any = (), model: Any = None
) -> None:
    """Change the OpenFGA store behind our back."""
    keys = [
        [dict(zip(("user", "relation", "object"), one, strict=True)) for one in part]
        for part in (writes, deletes)
    ]
    base = f"{openfga.url}/stores/{store}"
    if model is not None:
        assert httpx2.post(f"{base}/authorization-models", json=model).status_code == 201
    body = {
        **({"writes": {"tuple_keys": keys[0]}} if keys[0] else {}),
        **({"deletes": {"tuple_keys": keys[1]}} if keys[1] else {}),
    }
    if body:
        answer = httpx2.post(f"{base}/write", json=body)
        assert answer.status_code == 200, answer.text


def differs(done: Done) -> dict[str, Any]:
    assert done.code in {0, 1}, done.complaint
    found: dict[str, Any] = json.loads(done.out)
    assert found["equal"] == (done.code == 0)
    return found


@requirement("mandate:remote:only-pushed")
def test_a_push_makes_both_equal_and_says_what_it_did(
    mandate: Mandate, url: str, openfga: ServerProcess, store: str
) -> None:
    filled(url, folders)
    found = differs(mandate("authz", "diff", "--json"))
    assert (found["model"], len(found["missing"]), found["extra"]) == (["no model there"], 130, [])
    done = mandate("authz", "push", "--json").document
    assert (done["tuples"], done["written"], done["deleted"]) == (130, 130, 0)
    assert differs(mandate("authz", "diff", "--json"))["equal"]
    assert mandate("authz", "diff").out == "equal: 130 tuples here, 130 there\n"
    # Again: nothing to do, and the same model.
    again = mandate("authz", "push", "--json").document
    assert (again["model_id"], again["written"]) == (done["model_id"], 0)
    # What changes is sent; what somebody else changed there is repaired.
    filled(url, lambda w: w.unrelate(FOLDERS[0]))
    there(openfga, store, deletes=[FOLDERS[1]])
    text = mandate("authz", "diff").out
    assert "only in Mandate: 1\n  folder:f1#owner@user:anne" in text
    assert "only in OpenFGA: 1\n  folder:f0#owner@user:anne" in text
    done = mandate("authz", "push", "--json").document
    assert (done["sent"], done["written"]) == (1, 1)
    assert differs(mandate("authz", "diff", "--json"))["equal"]


@requirement("mandate:remote:only-pushed")
def test_a_push_does_not_bless_tuples_that_nobody_gave(
    mandate: Mandate, url: str, openfga: ServerProcess, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(url, folders)
    mandate("authz", "push")
    foreign = [("user:eve", "owner", "folder:f0"), ("user:eve", "owner", "folder:f1")]
    there(openfga, store, foreign)
    refused = mandate("authz", "push")
    assert refused.code == 1
    assert "2 tuples that Mandate does not have" in refused.complaint
    assert "--prune" in refused.complaint
    assert mandate("authz", "push", "--prune").code == 2  # nobody can be asked
    assert mandate("authz", "push", "--prune", "--yes", "--json").document["deleted"] == 2
    assert differs(mandate("authz", "diff", "--json"))["equal"]
    # A store that holds others' tuples is not asked before they are gone either.
    other = new_store(openfga.url)
    model = httpx2.get(f"{openfga.url}/stores/{store}/authorization-models").json()
    body = {k: v for k, v in model["authorization_models"][0].items() if k != "id"}
    there(openfga, other, foreign, model=body)
    monkeypatch.setenv("MANDATE_OPENFGA_STORE_ID", other)
    monkeypatch.setenv("MANDATE_AUTHZ_ENGINE", "openfga")
    assert mandate("authz", "push").code == 1
    checks = {c["name"]: c for c in json.loads(mandate("doctor", "--json").out)["checks"]}
    assert (checks["OpenFGA"]["ok"], checks["OpenFGA"]["seen"]) == (False, "was never pushed to")
    assert "mandate authz push" in checks["OpenFGA"]["next"]
    mandate("authz", "push", "--prune", "--yes")
    checks = {c["name"]: c for c in json.loads(mandate("doctor", "--json").out)["checks"]}
    assert checks["OpenFGA"]["ok"], checks


def test_a_pinned_model_is_never_replaced(
    mandate: Mandate, url: str, openfga: ServerProcess, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mandate("authz", "push", "--json").document["model_id"]
    monkeypatch.setenv("MANDATE_OPENFGA_MODEL_ID", made)
    assert mandate("authz", "push").code == 0
    filled(url, folders)
    refused = mandate("authz", "push")
    assert (refused.code, "MANDATE_OPENFGA_MODEL_ID" in refused.complaint) == (1, True)
    listed = httpx2.get(f"{openfga.url}/stores/{store}/authorization-models").json()
    assert [model["id"] for model in listed["authorization_models"]] == [made]
    text = mandate("authz", "diff").out
    assert "type folder: only in Mandate" in text


def test_tuples_come_in_if_they_fit_and_consents_never(
    mandate: Mandate, url: str, openfga: ServerProcess, store: str
) -> None:
    filled(url, folders)
    mandate("authz", "push")
    owned = [
        ("consent:dlg_1.0", "consented", "folder:f1"), ("agent:agt_1", "ceiling", "folder:f1"),
    ]  # fmt: skip
    there(openfga, store, [("user:eve", "viewer", "folder:f7"), *owned])
    tried = mandate("authz", "import", "--dry-run", "--json").document
    assert (tried["taken"], tried["fitting"], len(tried["left_out"])) == (0, 1, 2)
    text = mandate("authz", "import", "--dry-run").out
    assert "left out, since consents and ceilings are Mandate's own: 2" in text
    assert mandate("authz", "import").code == 2  # nobody can be asked
    assert len(differs(mandate("authz", "diff", "--json"))["extra"]) == 3
    assert mandate("authz", "import", "--yes", "--json").document["taken"] == 1
    left = differs(mandate("authz", "diff", "--json"))["extra"]
    assert sorted(left) == [
        "folder:f1#ceiling@agent:agt_1", "folder:f1#consented@consent:dlg_1.0",
    ]  # fmt: skip
    assert mandate("authz", "import").out.endswith("nothing to take over\n")

    async def audited(w: World) -> None:
        [row] = await w.audited(AuditTag.RELATIONS)
        assert (row[0], row[1], row[5]) == ("done", "imported", "folder:f7")

    filled(url, audited)


def test_what_does_not_fit_comes_in_not_even_in_part(
    mandate: Mandate, url: str, openfga: ServerProcess, store: str, tmp_path: Path
) -> None:
    theirs = {
        "schema_version": "1.1",
        "type_definitions": [
            {"type": "user"},
            {
                "type": "wiki",
                "relations": {"reader": {"this": {}}},
                "metadata": {
                    "relations": {"reader": {"directly_related_user_types": [{"type": "user"}]}}
                },
            },
        ],
    }
    there(openfga, store, [("user:anne", "reader", "wiki:home")], model=theirs)
    refused = mandate("authz", "import", "--yes")
    assert (refused.code, "resource add --model" in refused.complaint) == (1, True)
    assert "wiki:home#reader@user:anne" in refused.out
    wrote = mandate("authz", "import", "--model", "theirs.fga", "--json").document
    assert Path(wrote["file"]).read_text().count("define reader: [user]") == 1
    assert mandate("authz", "import", "--model", "theirs.fga").code == 1  # never overwritten


@pytest.mark.parametrize("command", ["push", "diff", "import"])
def test_without_a_server_each_command_says_what_to_set(
    mandate: Mandate, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("MANDATE_OPENFGA_URL", "http://127.0.0.1:9")
    refused = mandate("authz", command)
    assert "check MANDATE_OPENFGA_URL" in refused.complaint
    assert refused.code == (2 if command == "diff" else 1)
    monkeypatch.delenv("MANDATE_OPENFGA_URL")
    refused = mandate("authz", command)
    assert (refused.code, "MANDATE_OPENFGA_URL" in refused.complaint) == (2, True)
