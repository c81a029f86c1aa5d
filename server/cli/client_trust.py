"""`mandate client trust`: which hosts' metadata documents may be clients."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import trust_document, trust_set_document
from server.cli.opened import with_core
from server.domain.people import OPERATOR
from server.domain.self_registration import Trust

if TYPE_CHECKING:
    from server.domain.core import Core
    from server.services.client_trust import TrustSet

app = typer.Typer(help="Clients whose id is the URL of their metadata document, by host.",
                  no_args_is_help=True)  # fmt: skip

Host = Annotated[
    str,
    typer.Argument(metavar="HOST", help="A host, or *.example.com for every host below it."),
]


@app.command("list")
def show_all(json: output.AsJson = False) -> None:
    """List the rules, what happens where none fits, and hosts that people asked for."""

    async def work(core: "Core") -> dict[str, object]:
        from server.services.client_trust import trust_policy

        return trust_document(await trust_policy(core))

    found = with_core(work)
    if json:
        output.document(found)
        return
    output.say(f"Where no rule fits: {found['default']}")
    rules, requests = found["rules"], found["requests"]
    output.table(
        ("host", "trust", "since"),
        [(r["host"], r["trust"], output.moment(r["created_at"])) for r in rules],  # type: ignore[attr-defined]
        nothing="No rules: `mandate client trust set HOST allow` makes one.",
    )
    output.table(
        ("asked for", "client", "times", "first by", "last"),
        [
            (r["host"], r["client_id"], r["times"], r["asked_by"], output.moment(r["last_at"]))
            for r in requests  # type: ignore[attr-defined]
        ],
        nothing="Nobody waits for a host.",
    )


@app.command("set")
def put(
    host: Host,
    trust: Annotated[Trust, typer.Argument(help="allow, ask (an administrator first) or deny.")],
    json: output.AsJson = False,
) -> None:
    """Decide about a host. A client that may not come any more stops at once."""

    async def work(core: "Core") -> "TrustSet":
        from server.services.client_trust import set_trust

        return await set_trust(core, host, trust, by=OPERATOR.id)

    _tell(with_core(work), json=json)


@app.command("remove")
def remove(host: Host, json: output.AsJson = False) -> None:
    """Take a rule back: another one, or the default, decides from then on."""

    async def work(core: "Core") -> "TrustSet":
        from server.services.client_trust import remove_trust

        return await remove_trust(core, host, by=OPERATOR.id)

    _tell(with_core(work), json=json)


def _tell(done: "TrustSet", *, json: bool) -> None:
    if json:
        output.document(trust_set_document(done))
        return
    for word, ids in (("Stopped", done.stopped), ("Let in again", done.let_in)):
        for client_id in ids:
            output.say(f"{word}: {output.plain(client_id)}")
    output.say("Done.")
