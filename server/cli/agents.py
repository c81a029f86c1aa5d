"""`mandate agent`: registered agents, their ceilings and whether they may act."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import agent_document
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_core
from server.domain.people import OPERATOR
from server.domain.registry import Agent, Ceiling, Status

if TYPE_CHECKING:
    from server.domain.core import Core

app = typer.Typer(help="Agents: owner, status, and the most that each may hold.",
                  no_args_is_help=True)  # fmt: skip

AgentId = Annotated[str, typer.Argument(metavar="AGENT", help="The id (agt_…).")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="A scope that it may ever hold, may be repeated."),
]
Resources = Annotated[
    list[str] | None,
    typer.Option("--resource", metavar="URI", help="Where it may ever act, may be repeated."),
]
Roots = Annotated[
    list[str] | None,
    typer.Option(
        "--root",
        metavar="TYPE:ID",
        help="An object below which it stays, may be repeated; none is no bound on objects.",
    ),
]
Reason = Annotated[str, typer.Option(help="For the audit trail.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What people read on the consent page.")],
    owner: Annotated[
        str | None, typer.Option(metavar="USER", help="Who answers for it: an id or address.")
    ] = None,
    purpose: Annotated[str, typer.Option(help="What it is for, in one sentence.")] = "",
    model: Annotated[str, typer.Option(help="The language model behind it.")] = "",
    version: Annotated[str, typer.Option(help="Its version.")] = "",
    scope: Scopes = None,
    resource: Resources = None,
    root: Roots = None,
    json: output.AsJson = False,
) -> None:
    """Register an agent. With no --scope and no --resource it may hold nothing."""
    ceiling = _ceiling(scope, resource, root)

    async def work(core: "Core") -> Agent:
        from server.cli.people import find
        from server.services.registration import add_agent

        owner_id = None
        if owner is not None:
            owner_id = (await core.store.read(lambda tx: find(core, tx, owner))).id
        agent = Agent(
            id="", name=name, owner_id=owner_id, purpose=purpose, model=model,
            version=version, ceiling=ceiling,
        )  # fmt: skip
        return await add_agent(core, agent, by=OPERATOR.id)

    _show(with_core(work), json=json)


@app.command("list")
def show_all(
    search: Annotated[str, typer.Option(help="Part of a name, or an id.")] = "",
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    json: output.AsJson = False,
) -> None:
    """List agents, the newest first."""

    async def work(core: "Core") -> list[dict[str, object]]:
        from server.services.agents import search_agents

        wanted = "" if status is None else status.value
        lines = await search_agents(core, search, status=wanted, limit=limit)
        return [
            {**agent_document(line.agent), "owner_name": line.owner.name if line.owner else None,
             "live_delegations": line.live, "last_use_at": line.last_use}
            for line in lines
        ]  # fmt: skip

    agents = with_core(work)
    if json:
        output.document({"agents": agents})
        return
    output.table(
        ("id", "name", "status", "owner", "delegations", "scopes"),
        [
            (a["agent_id"], a["name"], a["status"], a["owner_name"] or "nobody",
             a["live_delegations"], _words(a["scopes"]))
            for a in agents
        ],
        nothing="No agents: `mandate agent add NAME` makes one.",
    )  # fmt: skip


@app.command("suspend")
def suspend(agent: AgentId, reason: Reason = "", json: output.AsJson = False) -> None:
    """Stop an agent at once, everywhere; `resume` undoes it."""
    _set(agent, Status.SUSPENDED, reason, json=json)


@app.command("resume")
def resume(
    agent: AgentId,
    kill_tokens: Annotated[
        bool, typer.Option("--kill-tokens", help="Tokens issued before now stay dead.")
    ] = False,
    reason: Reason = "",
    json: output.AsJson = False,
) -> None:
    """Let a suspended agent act again."""
    _set(agent, Status.ACTIVE, reason, json=json, kill_tokens=kill_tokens)


@app.command("retire")
def retire(agent: AgentId, reason: Reason = "", json: output.AsJson = False) -> None:
    """Stop an agent for good."""
    _set(agent, Status.RETIRED, reason, json=json)


@app.command("ceiling")
def ceiling(
    agent: AgentId,
    scope: Scopes = None,
    resource: Resources = None,
    root: Roots = None,
    clear: Annotated[bool, typer.Option("--clear", help="It may hold nothing any more.")] = False,
    json: output.AsJson = False,
) -> None:
    """Show an agent's ceiling, or replace it as a whole by what is given."""
    wanted = _ceiling(scope, resource, root)
    replaces = wanted != Ceiling()
    if clear and replaces:
        raise Failure("--clear stands alone", code=MISUSED)

    async def work(core: "Core") -> Agent:
        from server.services.registration import set_ceiling

        if clear or replaces:
            return await set_ceiling(core, agent, wanted, by=OPERATOR.id)
        found = await core.store.read(lambda tx: core.rows.agents.get(tx, agent))
        if found is None:
            raise Failure(_unknown(agent))
        return found

    _show(with_core(work), json=json)


def _show(agent: Agent, *, json: bool) -> None:
    document = agent_document(agent)
    if json:
        output.document(document)
        return
    output.facts(
        (name, _words(value)) for name, value in document.items() if name != "created_at" and value
    )


def _words(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _ceiling(
    scopes: list[str] | None, resources: list[str] | None, roots: list[str] | None
) -> Ceiling:
    for root in roots or ():
        kind, colon, name = root.partition(":")
        if not (kind and colon and name):
            raise Failure(f"{root} is no object: write it as folder:team", code=MISUSED)
    return Ceiling(
        scopes=frozenset(scopes or ()),
        resources=frozenset(resources or ()),
        object_roots=tuple(roots or ()),
    )


def _set(
    agent_id: str, status: Status, reason: str, *, json: bool, kill_tokens: bool = False
) -> None:
    async def work(core: "Core") -> tuple[Agent, bool]:
        from server.identity.accounts import NotAllowed
        from server.services.agents import set_agent_status

        done = await set_agent_status(
            core, agent_id, status, admin=OPERATOR, kill_tokens=kill_tokens, reason=reason
        )
        agent = await core.store.read(lambda tx: core.rows.agents.get(tx, agent_id))
        if isinstance(done, NotAllowed) or agent is None:
            raise Failure(_unknown(agent_id))
        return agent, done

    agent, changed = with_core(work)
    if not changed and agent.status is not status:
        raise Failure(f"{agent.id} is {agent.status.value} for good: register a new agent")
    if json:
        output.document({**agent_document(agent), "changed": changed})
        return
    word = "now" if changed else "already"
    output.say(f"{output.plain(agent.name)} ({agent.id}) is {word} {agent.status.value}.")


def _unknown(agent_id: str) -> str:
    return f"there is no agent {agent_id}: see `mandate agent list`"
