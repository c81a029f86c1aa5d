"""What the operator registers, with the `mandate` command line."""

import json
from typing import Any

from examples.demo.clients import Agent, App, DocumentsServer
from examples.demo.play import EVERY_DOCS, Play
from examples.demo.stage import ROOT

DOCS_SCOPES = (
    {"name": "docs:read", "description": "Read documents", "default": True},
    {"name": "docs:write", "description": "Write and move documents"},
    {"name": "docs:share", "description": "Share documents with other people"},
    {"name": "docs:delete", "description": "Delete documents", "destructive": True},
)
NOTES_SCOPES = (
    {"name": "notes:read", "description": "See notes", "default": True},
    {"name": "notes:write", "description": "Add notes"},
)
NOTES = ("notes:read", "notes:write")


def _options(name: str, values: tuple[str, ...]) -> list[str]:
    return [part for value in values for part in (f"--{name}", value)]


async def register_resources(play: Play) -> dict[str, str]:
    """Register both MCP servers and their own clients; return the clients' secrets."""
    stage = play.stage
    documents = {
        "id": stage.documents,
        "name": "Documents",
        "scopes": DOCS_SCOPES,
        "types": ["document", "folder"],
        "pickable": [
            {"type": "folder", "relation": "viewer", "label": "Folder", "contains": True},
            {"type": "document", "relation": "viewer", "label": "Document"},
        ],
        "model_file": str(ROOT / "examples" / "documents" / "documents.fga"),
    }
    notes = {"id": stage.notes, "name": "Notes", "scopes": NOTES_SCOPES}
    secrets = {}
    both = (("documents", documents, EVERY_DOCS), ("notes", notes, NOTES))
    for client_id, resource, scopes in both:
        path = stage.home / f"{client_id}.json"
        path.write_text(json.dumps(resource, indent=2))
        await stage.desk.mandate("resource", "add", str(path))
        made = await stage.desk.mandate(
            "client", "add", str(resource["name"]), "--id", client_id,
            "--resource-server", str(resource["id"]),
            # It may ask for exchanges; that gives it no right to anybody's token.
            "--grant", "token-exchange", *_options("scope", scopes),
        )  # fmt: skip
        secrets[client_id] = str(made["client_secret"])
    play.documents = DocumentsServer(play.wire, stage.issuer, "documents", secrets["documents"])
    return secrets


async def register_applications(play: Play) -> None:
    """Register the chat application, and the application that is Ana's own tool."""
    play.chat = await _app(play, "Harbour Chat", "chat", "--require-par")
    play.own_app = await _app(
        play, "My documents", "my-documents", "--first-party",
        *_options("scope", (*EVERY_DOCS, *NOTES)),
    )  # fmt: skip


async def _app(play: Play, name: str, path: str, *options: str) -> App:
    redirect_uri = f"{play.stage.chat}/{path}"
    made = await play.stage.desk.mandate(
        "client", "add", name, "--redirect-uri", redirect_uri, *options
    )
    return App(play.wire, play.stage.issuer, made["client_id"], made["client_secret"], redirect_uri)


async def register_agents(play: Play) -> None:
    """Register four agents, each with a ceiling and a client of its own."""
    play.quill = await _agent(
        play, "Quill", "Tidies your folders and writes summaries.", EVERY_DOCS, NOTES
    )
    play.sift = await _agent(play, "Sift", "Reads what it is given and finds facts.", EVERY_DOCS)
    play.courier = await _agent(play, "Courier", "Carries results elsewhere.", EVERY_DOCS)
    play.magpie = await _agent(play, "Magpie", "Collects what shines.", EVERY_DOCS)


async def _agent(
    play: Play, name: str, purpose: str, docs: tuple[str, ...], notes: tuple[str, ...] = ()
) -> Agent:
    stage = play.stage
    made: dict[str, Any] = await stage.desk.mandate(
        "agent", "add", name, "--owner", play.olga.email, "--purpose", purpose,
        *ceiling(play, (*docs, *notes)),
    )  # fmt: skip
    client = await stage.desk.mandate(
        "client", "add", f"{name}'s client", "--agent", made["agent_id"],
        *_options("scope", (*docs, *notes)),
    )  # fmt: skip
    return Agent(
        play.wire, stage.issuer, client["client_id"], client["client_secret"],
        agent_id=made["agent_id"], name=name,
    )  # fmt: skip


def ceiling(play: Play, scopes: tuple[str, ...]) -> list[str]:
    """Return the options that name a ceiling."""
    resources = (play.stage.documents, play.stage.notes)
    return [*_options("scope", scopes), *_options("resource", resources)]
