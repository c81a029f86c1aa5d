"""`mandate issuer`: what is trusted, what is refused, and that all of it is in the trail."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Mandate
from tests.cli.test_registry import PUBLIC_KEY

EXAMPLES = Path(__file__).parents[2] / "examples" / "issuers"
DOCS = "https://docs.example/mcp"
IDP = "https://acme.idp.example"


def _workload_client(run: Mandate, client_id: str) -> None:
    agent = run("agent", "add", client_id, "--json").document["agent_id"]
    made = run(
        "client", "add", client_id, "--id", client_id, "--agent", agent, "--auth",
        "workload_identity", "--json",
    ).document  # fmt: skip
    assert made["client_secret"] is None
    assert made["grant_types"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


def _enterprise(run: Mandate) -> None:
    agent = run("agent", "add", "Assistant", "--json").document["agent_id"]
    run(
        "client", "add", "Assistant", "--id", "assistant", "--agent", agent, "--grant",
        "jwt-bearer", "--scope", "docs:read",
    )  # fmt: skip
    run(
        "resource", "add", "--id", DOCS, "--name", "Docs", "--scope", "docs:read", "--scope",
        "docs:write",
    )  # fmt: skip


def test_the_examples_are_trusted_and_taken_back(mandate: Mandate):
    for client in ("triage-pods", "deploy-job", "nightly-job", "router-service"):
        _workload_client(mandate, client)
    _enterprise(mandate)
    for file in sorted(EXAMPLES.glob("*.toml")):
        stored = mandate("issuer", "add", str(file), "--json").document
        shown = mandate("issuer", "show", stored["issuer"], "--json").document
        assert shown == {
            **{k: v for k, v in stored.items() if not k.endswith(("_closed", "_revoked"))},
            "links": [],
        }
        again = mandate("issuer", "add", str(file))
        assert again.code == 1
        assert "--replace" in again.complaint
        assert mandate("issuer", "add", str(file), "--replace", "--json").code == 0
    listed = mandate("issuer", "list", "--json").document["issuers"]
    assert len(listed) == 4
    [github] = [each for each in listed if "github" in each["issuer"]]
    assert github["workloads"][0]["rules"][0] == {
        "claim": "sub", "equals": "repo:acme/shop:ref:refs/heads/main",
    }  # fmt: skip
    told = mandate("issuer", "show", github["issuer"]).out
    assert "workload deploy" in told
    assert mandate("issuer", "remove", github["issuer"]).code == 2
    gone = mandate("issuer", "remove", github["issuer"], "--yes", "--json").document
    assert gone["tokens_revoked"] == 0
    assert "not trusted" in mandate("issuer", "show", github["issuer"]).complaint
    changes = [
        event["reason"]
        for event in mandate("audit", "tail", "--limit", "100", "--json").document["events"]
        if event["tag"] == "issuer:changed"
    ]
    assert sorted(changes) == ["removed"] + ["trusted"] * 8


def test_a_person_is_linked_once_at_an_issuer(mandate: Mandate):
    _enterprise(mandate)
    mandate("issuer", "add", str(EXAMPLES / "enterprise.toml"))
    ada = mandate("user", "add", "ada@acme.example", "--json").document["user_id"]
    bob = mandate("user", "add", "bob@acme.example", "--json").document["user_id"]
    made = mandate("issuer", "link", IDP, "U1", "ada@acme.example", "--json").document
    assert (made["subject"], made["user_id"]) == ("U1", ada)
    for subject, user in (("U1", bob), ("U2", ada)):
        assert "already" in mandate("issuer", "link", IDP, subject, user).complaint
    assert "no user" in mandate("issuer", "link", IDP, "U3", "carol@acme.example").complaint
    assert mandate("issuer", "show", IDP, "--json").document["links"] == [made]
    mandate("issuer", "unlink", IDP, "U1", "--json").document  # noqa: B018 - it must succeed
    assert "no such subject" in mandate("issuer", "unlink", IDP, "U1").complaint
    assert mandate("issuer", "link", IDP, "U1", bob, "--json").code == 0


JAG: dict[str, Any] = {
    "issuer": IDP, "purpose": "id-jag", "jwks_uri": f"{IDP}/keys",
    "allow": [{"client": "assistant", "resource": DOCS, "scopes": ["docs:read"]}],
}  # fmt: skip
RULE = {"claim": "sub", "equals": "repo:acme/shop:ref:refs/heads/main"}
WORK: dict[str, Any] = {
    "issuer": "https://ci.example", "purpose": "workload",
    "workload": [{"name": "deploy", "client": "job", "rule": [RULE]}],
}  # fmt: skip


def _ruled(**rule: str) -> dict[str, object]:
    return {"workload": [{"name": "deploy", "client": "job", "rule": [{"claim": "sub", **rule}]}]}


@pytest.mark.parametrize(
    ("base", "change", "hint"),
    [
        (JAG, {"issuer": "http://127.0.0.1:9000/"}, "its own"),
        (JAG, {"algorithms": ["none"]}, "algorithms"),
        (JAG, {"algorithms": ["HS256"]}, "algorithms"),
        (JAG, {"algorithms": []}, "algorithms"),
        (JAG, {"jwks_uri": "http://acme.idp.example/keys"}, "https"),
        (JAG, {"jwks_uri": "https://user@acme.idp.example/keys"}, "https"),
        (JAG, {"jwks_file": "keys.json"}, "not both"),
        (JAG, {"issuer": "spiffe://acme", "jwks_uri": None}, "discovered"),
        (JAG, {"max_lifetime": 86_400}, "max_lifetime"),
        (JAG, {"reusable": True}, "work once"),
        (JAG, {"email_domains": ["*"]}, "domain"),
        (JAG, {"surprise": 1}, "surprise"),
        (JAG, {"purpose": "anything"}, "purpose"),
        (JAG, {"allow": [{**JAG["allow"][0], "scopes": ["mail:read"]}]}, "mail:read"),
        (JAG, {"allow": [{**JAG["allow"][0], "scopes": []}]}, "scopes"),
        (JAG, {"allow": [{**JAG["allow"][0], "objects": ["folder:1"]}]}, "no object of"),
        (JAG, {"allow": [{**JAG["allow"][0], "objects": ["*"]}]}, "everything = true"),
        (JAG, {"allow": [{**JAG["allow"][0], "client": "job"}]}, "workload"),
        (JAG, {"allow": [{**JAG["allow"][0], "client": "nobody"}]}, "no client"),
        (JAG, {"allow": [{**JAG["allow"][0], "resource": "https://x.example"}]}, "no resource"),
        (JAG, {"allow": JAG["allow"] * 2}, "twice"),
        (WORK, {"email_domains": ["acme.example"]}, "no person"),
        (WORK, {"workload": WORK["workload"] * 2}, "same name"),
        (WORK, {"workload": [{"name": "d", "client": "job", "rule": []}]}, "rule on the claim sub"),
        (WORK, {"workload": [{"name": "d", "client": "job", "rule": [
            {"claim": "repository_owner", "equals": "acme"}]}]}, "rule on the claim sub"),
        (WORK, {"workload": [{**WORK["workload"][0], "client": "assistant"}]}, "by itself"),
        (WORK, _ruled(prefix="repo:acme"), "must end with"),
        (WORK, _ruled(glob="*"), "everybody"),
        (WORK, _ruled(glob="*/*:*"), "everybody"),
        (WORK, _ruled(glob="repo:acme/shop"), "stars"),
        (WORK, _ruled(), "one of equals"),
        (WORK, _ruled(equals="a", prefix="a:"), "one of equals"),
    ],
)  # fmt: skip
def test_what_would_trust_too_much_is_refused(
    desk: Mandate, base: dict[str, object], change: dict[str, object], hint: str
):
    _enterprise(desk)
    _workload_client(desk, "job")
    Path("keys.json").write_text(json.dumps({"keys": [PUBLIC_KEY]}))
    document = {k: v for k, v in {**base, **change}.items() if v is not None}
    Path("issuer.json").write_text(json.dumps(document))
    done = desk("issuer", "add", "issuer.json")
    assert done.code != 0
    assert hint in done.complaint
    assert desk("issuer", "list", "--json").document["issuers"] == []


def test_the_two_that_were_changed_above_are_fine_as_they_are(desk: Mandate):
    _enterprise(desk)
    _workload_client(desk, "job")
    for document in (JAG, WORK):
        Path("issuer.json").write_text(json.dumps(document))
        assert desk("issuer", "add", "issuer.json").code == 0


def test_a_workload_client_has_no_other_way_in(desk: Mandate):
    _workload_client(desk, "job")
    agent = desk("agent", "add", "Other", "--json").document["agent_id"]
    for more in (["--grant", "token-exchange"], ["--grant", "client_credentials"]):
        done = desk("client", "add", "X", "--agent", agent, "--auth", "workload_identity", *more)
        assert "jwt-bearer alone" in done.complaint
    no_agent = desk("client", "add", "X", "--auth", "workload_identity")
    assert "client of an agent" in no_agent.complaint


def test_where_a_client_may_take_identities(mandate: Mandate):
    mandate("client", "add", "Chat", "--id", "chat", "--grant", "token-exchange")
    there = ("--audience", "https://as.example", "--resource", DOCS)
    rest = ("--scope", "docs:read", "--client-there", "chat-there")
    made = mandate("idjag", "allow", "chat", *there, *rest, "--json").document
    assert (made["scopes"], made["client_id_there"], made["with_email"]) == (
        ["docs:read"], "chat-there", False,
    )  # fmt: skip
    anew = mandate("idjag", "allow", "chat", *there, *rest, "--with-email", "--json").document
    assert anew["with_email"] is True
    assert mandate("idjag", "list", "--json").document["policies"] == [anew]
    assert "chat-there" in mandate("idjag", "list").out
    assert "no client" in mandate("idjag", "allow", "nobody", *there, *rest).complaint
    assert mandate("idjag", "remove", "chat", *there, "--json").document["changed"] is True
    assert mandate("idjag", "remove", "chat", *there, "--json").document["changed"] is False
    assert mandate("idjag", "list", "--json").document["policies"] == []
    reasons = [
        event["reason"]
        for event in mandate("audit", "tail", "--json").document["events"]
        if (event["reason"] or "").startswith("id_jag")
    ]
    assert sorted(reasons) == ["id_jag_allowed", "id_jag_allowed", "id_jag_forbidden"]
