"""`mandate authz tuples`: groups and roles filled by hand, with rights that end, and its audit."""

import pytest

from tests.cli.conftest import Mandate

GROUP = "mandate/group:acme.eng"


def ada(mandate: Mandate) -> str:
    return str(mandate("user", "add", "ada@example.org", "--json").document["user_id"])


def test_a_person_joins_a_group_and_leaves_it(mandate: Mandate):
    user_id = ada(mandate)
    added = mandate("authz", "tuples", "add", "ADA@example.org", "member", GROUP)
    assert (added.code, added.out) == (0, f"Written: {GROUP}#member@user:{user_id}\n")
    role = "mandate/role:acme.auditor"
    mandate("authz", "tuples", "add", f"{GROUP}#member", "assignee", role)
    assert mandate("authz", "explain", user_id, "assignee", role).out.startswith("yes")
    listed = mandate("authz", "tuples", "list", "--object", "mandate/group:", "--json").document
    assert listed["tuples"] == [
        {"user": f"user:{user_id}", "relation": "member", "object": GROUP,
         "condition": None, "context": None}
    ]  # fmt: skip
    assert GROUP in mandate("authz", "tuples", "list", "--user", "ada@example.org").out
    assert mandate("authz", "tuples", "remove", user_id, "member", GROUP).code == 0
    assert mandate("authz", "explain", user_id, "assignee", role).out.startswith("no")
    events = mandate("audit", "tail", "--json").document["events"]
    told = [e["detail"] for e in events if e["tag"] == "relations:written"]
    one = f"user:{user_id}|member|{GROUP}"
    assert sorted((d["by"], d["written"], d["deleted"]) for d in told) == sorted(
        [("operator", one, ""), ("operator", f"{GROUP}#member|assignee|{role}", ""),
         ("operator", "", one)]
    )  # fmt: skip


def test_a_membership_may_end(desk: Mandate):
    user_id = ada(desk)
    question = ("authz", "explain", user_id, "member", GROUP)
    made = desk(
        "authz", "tuples", "add", user_id, "member", GROUP, "--until", "2999-01-01T00:00+01:00",
        "--json",
    )  # fmt: skip
    assert made.document["until"] == "2998-12-31T23:00:00.000Z"
    assert desk(*question).out.startswith("yes")
    later = '{"current_time": "2999-01-01T00:00:00Z"}'
    assert desk(*question, "--context", later).out.startswith("no")


def test_a_link_between_objects_has_no_end(desk: Mandate):
    link = ("mandate/organization:acme", "organization", GROUP)
    refused = desk("authz", "tuples", "add", *link, "--until", "2999-01-01T00:00Z")
    assert (refused.code, refused.out) == (1, "")
    assert desk("authz", "tuples", "add", *link).code == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("agent:agt_1", "member", GROUP), "agent"),
        (("consent:dlg_1.0", "assignee", "mandate/role:acme.auditor"), "not written by hand"),
        (("consent:dlg_1.0", "consented", "mandate/tool:x/y"), "not written by hand"),
        (("agent:agt_1", "ceiling", "mandate/tool:x/y"), "not written by hand"),
        (("user:*", "member", GROUP), "user:*"),
        (("agent:*", "caller", "mandate/tool:x/y"), "agent:*"),
        (("nobody@example.org", "member", GROUP), "nobody with this address"),
        (("user:usr_1", "flies", GROUP), "not found"),
        (("user:usr_1", "member", "\x1b[31m"), "is not an object"),
    ],
)
def test_what_is_refused_is_one_line_and_writes_nothing(
    desk: Mandate, words: tuple[str, str, str], complaint: str
):
    done = desk("authz", "tuples", "add", *words)
    assert (done.code, done.out) == (1, "")
    assert complaint in done.complaint
    assert len(done.complaint.splitlines()) == 1
    assert "\x1b" not in done.complaint
    assert "relations:written" not in desk("audit", "tail", "--json").out


def test_a_consent_is_not_removed_by_hand(desk: Mandate):
    done = desk("authz", "tuples", "remove", "consent:dlg_1.0", "consented", "mandate/tool:x/y")
    assert "not written by hand" in done.complaint


def test_a_wrong_time_or_no_question_is_wrong_usage(desk: Mandate):
    joining = ("authz", "tuples", "add", "user:usr_1", "member", GROUP, "--until")
    for bad in ("tomorrow", "2999-01-01T00:00"):
        assert desk(*joining, bad).code == 2
    assert desk("authz", "tuples", "list").code == 2
    assert desk("authz", "tuples", "remove", "user:usr_1", "member", GROUP).code == 1


def test_a_resource_lets_people_pick_its_tools_and_owns_no_type_of_mandates(desk: Mandate):
    new = ("resource", "add", "--id", "https://wiki.example/mcp", "--name", "Wiki")
    refused = desk(*new, "--type", "mandate/tool")
    assert refused.code != 0
    made = desk(*new, "--pickable", "mandate/tool:caller:Tools", "--json").document
    assert [(p["type"], p["relation"]) for p in made["pickable"]] == [("mandate/tool", "caller")]
    # Its tools are named by its URI.
    tool = "mandate/tool:https%3A//wiki.example/mcp/read_page"
    link = ("mandate/resource:https%3A//wiki.example/mcp", "resource", tool)
    assert desk("authz", "tuples", "add", *link).code == 0
