"""Who is in the story and what they hold, from one chapter to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from examples.demo.clients import Agent, App, DocumentsServer, Errand, chain, claims
from examples.demo.outcome import ALLOWED
from examples.demo.people import Administrator, Person
from examples.demo.stage import Stage
from examples.demo.story import Story
from examples.demo.tools import call_with_token
from examples.demo.wire import Wire

EVERY_DOCS = ("docs:read", "docs:write", "docs:share", "docs:delete")


@dataclass(frozen=True, slots=True)
class Deed:
    """A call of a tool: `named` are the person and then the agents, the acting one first."""

    tool: str
    named: tuple[str, ...]
    reason: str | None


@dataclass
class Play:
    """The cast. Each chapter adds what the next one needs."""

    stage: Stage
    story: Story
    wire: Wire
    ana: Person
    ben: Person
    olga: Administrator
    chat: App = field(init=False)
    own_app: App = field(init=False)
    quill: Agent = field(init=False)
    sift: Agent = field(init=False)
    courier: Agent = field(init=False)
    magpie: Agent = field(init=False)
    """An agent that nobody was asked about."""
    documents: DocumentsServer = field(init=False)
    ana_token: str = ""
    """Ana's own token for the documents server, from her own application."""
    ben_token: str = ""
    user_token: str = ""
    """Ana's token for Quill: its only audience is Quill."""
    refresh_token: str = ""
    grant_id: str = ""
    errand: Errand = field(init=False)
    """Quill at work for Ana."""
    ben_errand: Errand = field(init=False)
    ticket: str = ""
    """With which Sift goes on for Quill."""
    sift_errand: Errand = field(init=False)
    ids: dict[str, str] = field(default_factory=dict)
    """Folders and documents by name."""
    deeds: list[Deed] = field(default_factory=list)
    """What agents did and were refused at the documents server, for the audit."""

    async def own(self, token: str, tool: str, **arguments: Any) -> Any:
        """Let somebody call a tool with their own token; return its value or raise."""
        done = await call_with_token(self.wire, self.stage.documents, token, tool, arguments)
        if not done.allowed:
            raise LookupError(f"{tool} by its owner: {done.said} {done.value}")
        return done.value

    async def said_to_owner(self, token: str, tool: str, **arguments: Any) -> str:
        """Let somebody call a tool with their own token; return what came back."""
        done = await call_with_token(self.wire, self.stage.documents, token, tool, arguments)
        return done.said

    async def said(self, errand: Errand, tool: str, **arguments: str) -> str:
        """Let an agent call a tool; return what it was told.

        An agent learns no more about an object than `object_denied`. Mandate tells the documents
        server the reason, and so it stands behind.
        """
        done = await errand.call(tool, **arguments)
        said = done.said
        if said == "object_denied":
            why = await self.documents.evaluate(await errand.token(), tool, **arguments)
            said = f"object_denied ({why.said})"
        if ":" not in said and said != "insufficient_scope":
            # Without the scope, the documents server does not even ask.
            self.remember(await errand.token(), tool, said)
        return said

    def remember(self, token: str, tool: str, said: str) -> None:
        """Keep in mind what an agent did or was refused, for the audit."""
        reason = said.removeprefix("object_denied (").removesuffix(")")
        named = (str(claims(token)["sub"]), *chain(token))
        self.deeds.append(Deed(tool, named, None if reason == ALLOWED else reason))

    def name(self, id: str) -> str:
        """Return the name of a person or agent."""
        people = {person.user_id: person.name for person in (self.ana, self.ben, self.olga)}
        agents = (self.quill, self.sift, self.courier, self.magpie)
        return {**people, **{agent.agent_id: agent.name for agent in agents}}.get(id, id)

    def names(self, ids: Sequence[str]) -> str:
        """Return a chain in words: who acts, for whom, and so on."""
        return " for ".join(self.name(each) for each in ids)

    async def close(self) -> None:
        """Close every connection."""
        for name in ("chat", "own_app", "quill", "sift", "courier", "magpie", "documents"):
            client = getattr(self, name, None)
            if client is not None:
                await client.close()
        for person in (self.ana, self.ben, self.olga):
            await person.browser.close()


__all__ = ["ALLOWED", "EVERY_DOCS", "Play"]
