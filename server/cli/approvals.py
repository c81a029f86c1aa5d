"""`mandate approval`: what agents asked of people, and what people answered."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.opened import with_core
from server.domain.approvals import Approval

if TYPE_CHECKING:
    from server.domain.core import Core
    from server.services.approvals import Listed

app = typer.Typer(help="Approvals: what agents asked of people.", no_args_is_help=True)


@app.command("list")
def show_all(
    pending: Annotated[bool, typer.Option("--pending", help="Only what waits.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    json: output.AsJson = False,
) -> None:
    """List approvals, the newest first; what askers said of them is the person's alone."""

    async def work(core: "Core") -> "Listed":
        from server.services.approvals import search_approvals

        return await search_approvals(core, pending_only=pending, limit=limit)

    found = with_core(work)
    if json:
        output.document({"approvals": [approval_document(a, found.now) for a in found.rows]})
        return
    people, agents = found.names.people, found.names.agents
    output.table(
        ("id", "person", "agent", "asks for", "stands", "asked", "until"),
        [
            (
                a.id,
                user.email if (user := people.get(a.asked.user_id)) else a.asked.user_id,
                agent.name if (agent := agents.get(a.asked.agent_id)) else a.asked.agent_id,
                a.asked.tool or " ".join(sorted(s for d in a.asked.details for s in d.scopes)),
                a.status(found.now).value,
                output.moment(a.created_at),
                output.moment(a.expires_at),
            )
            for a in found.rows
        ],
        nothing="No approvals.",
    )


def approval_document(approval: Approval, now: int) -> dict[str, object]:
    """Return an approval as JSON, without what the asker said of it."""
    asked = approval.asked
    return {
        "approval_id": approval.id,
        "kind": asked.kind.value,
        "status": approval.status(now).value,
        "user_id": asked.user_id,
        "agents": list(asked.agents),
        "client_id": asked.client_id,
        "grant_id": asked.grant_id,
        "details": [
            {"resource": d.resource, "scopes": sorted(d.scopes), "objects": list(d.objects)}
            for d in asked.details
        ],
        "tool": asked.tool,
        "arguments_hash": asked.arguments_hash,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "answered_at": approval.answered_at,
        "used_at": approval.used_at,
        "new_grant_id": approval.new_grant_id,
    }
