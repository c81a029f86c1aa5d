"""`client trust` and `client token`, on both engines where it is cheap."""

from tests.cli.conftest import Mandate


def test_rules_are_set_listed_and_taken_back(mandate: Mandate):
    done = mandate("client", "trust", "set", "Tools.Example.com", "allow", "--json").document
    assert done == {"stopped": [], "let_in": []}
    mandate("client", "trust", "set", "*.partner.example", "deny", "--json")
    mandate("client", "trust", "set", "*.partner.example", "ask", "--json")
    found = mandate("client", "trust", "list", "--json").document
    assert found["default"] == "ask"
    assert [(rule["host"], rule["trust"]) for rule in found["rules"]] == [
        ("*.partner.example", "ask"), ("tools.example.com", "allow"),
    ]  # fmt: skip
    assert found["requests"] == []
    assert "tools.example.com" in mandate("client", "trust", "list").out
    assert mandate("client", "trust", "remove", "tools.example.com", "--json").code == 0
    gone = mandate("client", "trust", "remove", "tools.example.com")
    assert (gone.code, "there is no rule" in gone.complaint) == (1, True)


def test_what_is_no_rule_is_refused(desk: Mandate):
    for host, trust, code in (("*.com", "allow", 1), ("a b", "allow", 1), ("a.b", "maybe", 2)):
        assert desk("client", "trust", "set", host, trust).code == code
    assert desk("client", "trust", "list", "--json").document["rules"] == []


def test_a_token_is_shown_once(mandate: Mandate):
    made = mandate("client", "token", "add", "--uses", "3", "--days", "2", "--json").document
    assert len(made["initial_access_token"]) == 43
    assert made["uses_left"] == 3
    assert made["expires_at"] - made["created_at"] == 2 * 86_400_000
    listed = mandate("client", "token", "list", "--json").document["tokens"]
    assert listed == [{k: v for k, v in made.items() if k != "initial_access_token"}]
    assert made["initial_access_token"] not in mandate("client", "token", "list").out
    assert mandate("client", "token", "revoke", made["token_id"], "--json").document["changed"]
    again = mandate("client", "token", "revoke", made["token_id"], "--json").document
    assert not again["changed"]


def test_a_token_for_nothing_is_not_made(desk: Mandate):
    for options in (("--uses", "0"), ("--days", "0"), ("--days", "400")):
        assert desk("client", "token", "add", *options).code == 1
