"""`client`, `agent`, `resource`, `user` and `delegation`, on both engines where it is cheap."""

import asyncio
import json
import os
from functools import partial
from pathlib import Path

from server.app import assemble
from server.delegation.lifecycle import open_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.unit import Unit
from tests.cli.conftest import Mandate
from tests.support.world import settings_for

DOCS = "https://docs.example/mcp"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
MODEL = Path(__file__).parents[2] / "examples" / "documents" / "documents.fga"
PUBLIC_KEY = {
    "kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256", "use": "sig",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}  # fmt: skip


def test_a_client_gets_its_secret_once(mandate: Mandate):
    made = mandate(
        "client", "add", "Chat", "--redirect-uri", "https://chat.example/cb", "--scope", "a:b",
        "--rotate-refresh", "--require-par", "--json",
    ).document  # fmt: skip
    assert made["client_id"].startswith("cli_")
    assert len(made["client_secret"]) == 43
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert (made["rotate_refresh"], made["require_par"], made["may_introspect"]) == (
        True, True, False,
    )  # fmt: skip
    listed = mandate("client", "list", "--json").document["clients"]
    assert listed == [{k: v for k, v in made.items() if k != "client_secret"}]
    assert made["client_secret"] not in mandate("client", "list").out


def test_what_a_client_is_decides_its_grants(desk: Mandate):
    agent = desk("agent", "add", "Robot", "--json").document["agent_id"]
    own = desk("client", "add", "Robot", "--agent", agent, "--json").document
    assert own["grant_types"] == ["client_credentials", EXCHANGE]
    app = desk("client", "add", "App", "--public", "--redirect-uri", "app.example:/cb", "--json")
    assert app.document["token_endpoint_auth_method"] == "none"
    assert app.document["client_secret"] is None
    assert app.document["grant_types"] == ["authorization_code", "refresh_token"]
    named = desk("client", "add", "Only", "--grant", "token-exchange", "--json").document
    assert named["grant_types"] == [EXCHANGE]
    assert desk("client", "add", "None", "--json").document["grant_types"] == []


def test_a_client_with_keys_has_no_secret(desk: Mandate):
    Path("keys.json").write_text(json.dumps({"keys": [PUBLIC_KEY]}))
    for option in (("--jwks", "keys.json"), ("--jwks-uri", "https://app.example/jwks")):
        done = desk("client", "add", "App", "--auth", "private_key_jwt", *option, "--json")
        assert done.document["client_secret"] is None
        assert done.document["token_endpoint_auth_method"] == "private_key_jwt"
    Path("keys.json").write_text(json.dumps({"keys": [PUBLIC_KEY | {"d": "AAAA"}]}))
    refused = desk("client", "add", "App", "--auth", "private_key_jwt", "--jwks", "keys.json")
    assert refused.code == 2


def test_a_client_is_disabled_once(mandate: Mandate):
    mandate("client", "add", "A", "--id", "a")
    for changed in (True, False):
        told = mandate("client", "disable", "a", "--json").document
        assert told == {"client_id": "a", "status": "suspended", "changed": changed}
    assert mandate("client", "enable", "a", "--json").document["changed"]


def test_a_client_must_prove_a_key(mandate: Mandate):
    made = mandate("client", "add", "Chat", "--id", "a", "--dpop", "--json").document
    assert made["dpop_bound_access_tokens"] is True
    for options, wanted, changed in (
        ((), True, False), (("--off",), False, True), (("--off",), False, False), ((), True, True),
    ):  # fmt: skip
        told = mandate("client", "dpop", "a", *options, "--json").document
        assert told == {"client_id": "a", "dpop_bound_access_tokens": wanted, "changed": changed}
        (listed,) = mandate("client", "list", "--json").document["clients"]
        assert listed["dpop_bound_access_tokens"] is wanted
    assert mandate("client", "dpop", "a").out == "a already must prove a key.\n"
    assert mandate("client", "dpop", "b").code != 0


def test_an_agent_lives_through_its_states(mandate: Mandate):
    owner = mandate("user", "add", "olga@example.test", "--json").document["user_id"]
    made = mandate(
        "agent", "add", "Quill", "--owner", "Olga@Example.test", "--purpose", "Tidies.",
        "--model", "m-1", "--version", "2", "--scope", "docs:read", "--resource", DOCS, "--json",
    ).document  # fmt: skip
    agent = made["agent_id"]
    assert (made["owner_id"], made["scopes"], made["resources"]) == (owner, ["docs:read"], [DOCS])
    assert mandate("agent", "suspend", agent, "--reason", "odd", "--json").document["changed"]
    listed = mandate("agent", "list", "--status", "suspended", "--json").document["agents"]
    assert [(a["agent_id"], a["owner_name"]) for a in listed] == [(agent, "olga")]
    resumed = mandate("agent", "resume", agent, "--kill-tokens", "--json").document
    assert resumed["status"] == "active"
    assert resumed["not_before"] > made["not_before"]
    assert mandate("agent", "retire", agent, "--json").document["status"] == "retired"
    refused = mandate("agent", "resume", agent)
    assert (refused.code, "for good" in refused.complaint) == (1, True)


def test_a_ceiling_is_shown_replaced_and_cleared(mandate: Mandate):
    mandate(
        "resource", "add", "--id", DOCS, "--name", "Docs", "--type", "folder",
        "--type", "document", "--model", str(MODEL),
    )  # fmt: skip
    agent = mandate(
        "agent", "add", "Quill", "--scope", "docs:read", "--root", "folder:team", "--json"
    ).document["agent_id"]
    shown = mandate("agent", "ceiling", agent, "--json").document
    assert (shown["scopes"], shown["object_roots"]) == (["docs:read"], ["folder:team"])
    changed = mandate("agent", "ceiling", agent, "--resource", DOCS, "--json").document
    assert (changed["scopes"], changed["resources"], changed["object_roots"]) == ([], [DOCS], [])
    cleared = mandate("agent", "ceiling", agent, "--clear", "--json").document
    assert cleared["resources"] == []


def test_a_resource_from_options_a_file_and_its_own_listing_is_the_same(
    desk: Mandate, sqlite_url: str, monkeypatch
):
    made = desk(
        "resource", "add", "--id", DOCS, "--name", "Docs", "--scope", "docs:read=Read documents",
        "--scope", "docs:delete=Delete them", "--default", "docs:read", "--agent-own",
        "docs:read", "--destructive", "docs:delete", "--type", "folder", "--type", "document",
        "--pickable", "folder:viewer:Your folders:contains", "--edge",
        "docs:read https://notes.example notes:read", "--token-ttl", "120", "--alg", "EdDSA",
        "--model", str(MODEL), "--client", "docs", "--json",
    ).document  # fmt: skip
    assert (made["client_id"], len(made["client_secret"])) == ("docs", 43)
    (listed,) = _registered(desk)
    assert listed == {k: v for k, v in made.items() if not k.startswith("client_")}
    toml = f"""
        id = "{DOCS}"
        name = "Docs"
        types = ["folder", "document"]
        token_ttl = 120
        alg = "EdDSA"
        model_file = "docs.fga"
        scopes = [
          {{ name = "docs:read", description = "Read documents", agent_own = true, default = true }},
          {{ name = "docs:delete", description = "Delete them", destructive = true }},
        ]
        pickable = [{{ type = "folder", relation = "viewer", label = "Your folders", contains = true }}]
        edges = [{{ scope = "docs:read", to_resource = "https://notes.example", to_scope = "notes:read" }}]
    """
    Path("docs.toml").write_text(toml)
    Path("docs.fga").write_text(MODEL.read_text())
    Path("docs.json").write_text(json.dumps(listed))
    for number, name in enumerate(("docs.toml", "docs.json")):
        monkeypatch.setenv("MANDATE_DATABASE_URL", f"{sqlite_url}{number}")
        desk("migrate")
        again = desk("resource", "add", name, "--json").document
        assert again | {"created_at": 0} == listed | {
            "created_at": 0, "client_id": None, "client_secret": None,
        }  # fmt: skip


def test_a_resource_whose_client_id_is_taken_is_not_registered(desk: Mandate):
    desk("client", "add", "A", "--id", "taken")
    refused = desk("resource", "add", "--id", DOCS, "--name", "Docs", "--client", "taken")
    assert refused.code == 1
    assert _registered(desk) == []


def test_a_person_with_a_given_password_and_one_with_a_made_one(mandate: Mandate):
    Path("password").write_text("salmon-under-the-piano\nsecond line\n")
    given = mandate(
        "user", "add", "ann@example.test", "--name", "Ann", "--admin", "--password-file",
        "password", "--json",
    ).document  # fmt: skip
    assert (given["password"], given["role"], given["name"]) == (None, "admin", "Ann")
    made = mandate("user", "add", "bob@example.test", "--json").document
    assert len(made["password"]) == 24
    assert mandate("user", "add", "eve@example.test").out.count("The password is not shown") == 1
    found = mandate("user", "list", "--search", "ann", "--json").document["users"]
    assert found == [{k: v for k, v in given.items() if k != "password"}]
    for changed in (True, False):
        told = mandate("user", "disable", "ann@example.test", "--reason", "left", "--json")
        assert (told.document["status"], told.document["changed"]) == ("disabled", changed)
    assert mandate("user", "enable", given["user_id"], "--json").document["changed"]


def _open(core: Core, value: Delegation, record: AuditRecord, tx: Unit) -> None:
    open_delegation(core, tx, value, audit=record)


def _delegate(user: str, agent: str, client: str) -> None:
    async def work() -> None:
        server = await assemble(settings_for(os.environ["MANDATE_DATABASE_URL"]))
        core = server.services.core
        now = core.clock.now()
        details = (Detail(resource=DOCS, scopes=frozenset({"docs:read"})),)
        for path in (("dlg_a",), ("dlg_a", "dlg_b")):
            value = Delegation(
                id=path[-1], user_id=user, agent_id=agent, client_id=client, details=details,
                path=path, created_at=now, expires_at=now + 3_600_000, purpose="Tidy up",
            )  # fmt: skip
            record = AuditRecord(
                tag=AuditTag.DELEGATION_CREATED, outcome=Outcome.DONE, at=now, user_id=user
            )
            await core.store.write(partial(_open, core, value, record))
        await server.close()

    asyncio.run(work())


def test_a_delegation_is_listed_shown_and_revoked_after_a_preview(mandate: Mandate):
    user = mandate("user", "add", "ann@example.test", "--json").document["user_id"]
    agent = mandate("agent", "add", "Quill", "--json").document["agent_id"]
    client = mandate("client", "add", "Quill", "--agent", agent, "--json").document["client_id"]
    _delegate(user, agent, client)

    listed = mandate("delegation", "list", "--user", "ann@example.test", "--json").document
    assert {d["grant_id"] for d in listed["delegations"]} == {"dlg_a", "dlg_b"}
    assert mandate("delegation", "list", "--state", "revoked", "--json").document == {
        "delegations": []
    }
    shown = mandate("delegation", "show", "dlg_a", "--json").document
    assert (shown["condition"], shown["email"], shown["agent_name"]) == (
        "live", "ann@example.test", "Quill",
    )  # fmt: skip
    assert "docs:read on no object" in mandate("delegation", "show", "dlg_a").out

    ends = {"preview": True, "grant_id": "dlg_a", "live_tokens": 0, "effects_left": 0}
    preview = mandate("delegation", "revoke", "dlg_a", "--preview", "--json").document
    assert sorted(preview.pop("ends")) == ["dlg_a", "dlg_b"]
    assert preview == ends
    unasked = mandate("delegation", "revoke", "dlg_a")
    assert (unasked.code, "--yes" in unasked.complaint) == (2, True)
    assert "dlg_b" in unasked.out
    assert mandate("delegation", "show", "dlg_a", "--json").document["condition"] == "live"

    done = mandate(
        "delegation", "revoke", "dlg_a", "--undo-effects", "--reason", "asked", "--yes", "--json"
    ).document
    assert (done["delegations_closed"], done["effects_undone"]) == (2, 0)
    assert mandate("delegation", "show", "dlg_b", "--json").document["condition"] == "revoked"
    again = mandate("delegation", "revoke", "dlg_a", "--yes", "--json").document
    assert again["delegations_closed"] == 0


def _registered(mandate: Mandate) -> list[dict[str, object]]:
    """List the registered resources, but for the server's own MCP server."""
    listed = mandate("resource", "list", "--json").document["resources"]
    return [each for each in listed if not each["id"].endswith(":9000/mcp")]
