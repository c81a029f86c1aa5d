"""`mandate authz explain`: the answer, its proof or its refusal, and what would change it."""

import asyncio
from pathlib import Path

from authz.model.subject import RelationTuple
from server.app import assemble
from tests.cli.conftest import Mandate
from tests.support.world import settings_for

MODEL = Path(__file__).parents[2] / "examples" / "documents" / "documents.fga"


def furnish(mandate: Mandate, url: str) -> str:
    """Ada may view a folder that holds a document; returns her id."""
    made = mandate(
        "resource", "add", "--id", "https://docs.example/mcp", "--name", "Docs",
        "--type", "folder", "--type", "document", "--model", str(MODEL),
    )  # fmt: skip
    assert made.code == 0, made.complaint
    user_id = str(mandate("user", "add", "ada@example.org", "--json").document["user_id"])

    async def write() -> None:
        server = await assemble(settings_for(url))
        core = server.services.core
        tuples = [
            RelationTuple(f"user:{user_id}", "viewer", "folder:plans"),
            RelationTuple("folder:plans", "parent", "document:42"),
        ]
        await core.store.write(lambda tx: core.relations.write(tx, tuples))
        await server.close()

    asyncio.run(write())
    return user_id


def test_a_yes_is_drawn_with_its_tuples(mandate: Mandate, url: str):
    user_id = furnish(mandate, url)
    for who in (f"user:{user_id}", user_id, "ADA@example.org"):
        done = mandate("authz", "explain", who, "viewer", "document:42")
        assert done.code == 0, done.complaint
        assert done.out.splitlines() == [
            f"yes: user:{user_id} viewer document:42",
            "document:42#viewer: yes",
            "└── from document:42#parent@folder:plans",
            "    └── folder:plans#viewer: yes",
            f"        └── tuple folder:plans#viewer@user:{user_id}",
        ]


def test_a_no_names_the_nearest_tuple(mandate: Mandate, url: str):
    user_id = furnish(mandate, url)
    done = mandate("authz", "explain", "ada@example.org", "editor", "document:42")
    assert done.code == 0
    assert done.out.splitlines()[0] == f"no: user:{user_id} editor document:42"
    assert done.out.splitlines()[-1] == f"It would be yes with document:42#editor@user:{user_id}"


def test_the_document_is_the_explanations(mandate: Mandate, url: str):
    user_id = furnish(mandate, url)
    told = mandate("authz", "explain", user_id, "editor", "document:42", "--json").document
    assert (told["verdict"], told["error"], told["cut"]) == ("denied", None, False)
    assert told["nearest"] == {
        "user": f"user:{user_id}", "relation": "editor", "object": "document:42",
    }  # fmt: skip
    assert told["tree"]["kind"] == "relation"
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    section = page.partition("## `mandate authz explain`")[2].partition("\n## ")[0]
    assert all(f"`{name}`" in section for name in (*told, *told["tree"]))


def test_what_cannot_be_asked_is_one_line(mandate: Mandate, url: str):
    furnish(mandate, url)
    for question, complaint in (
        (("nobody@example.org", "viewer", "document:42"), "nobody with this address"),
        (("user:x", "flies", "document:42"), "relation 'document#flies' not found"),
        (("user:x", "viewer", "\x1b[31m"), "is not an object"),
    ):
        done = mandate("authz", "explain", *question)
        assert (done.code, done.out) == (1, "")
        assert complaint in done.complaint
        assert len(done.complaint.splitlines()) == 1
        assert "\x1b" not in done.complaint


def test_a_context_is_a_json_object(mandate: Mandate, url: str):
    furnish(mandate, url)
    question = ("authz", "explain", "user:x", "viewer", "document:42", "--context")
    assert mandate(*question, '{"ip": "192.0.2.1"}').code == 0
    for bad in ("[1]", "{", "null"):
        done = mandate(*question, bad)
        assert done.code == 2
        assert "JSON object" in done.complaint


def test_a_name_is_neither_markup_nor_a_command_to_the_terminal(mandate: Mandate, url: str):
    furnish(mandate, url)
    done = mandate("authz", "explain", "user:[bold]x\u202e", "viewer", "document:[red]42")
    assert done.code == 0, done.complaint
    assert "user:[bold]x?" in done.out
    assert "document:[red]42#viewer: no" in done.out
    assert "\u202e" not in done.out
