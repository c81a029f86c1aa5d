"""`mandate client token`: with which clients may register (RFC 7591 §3)."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import initial_token_document
from server.cli.opened import with_core
from server.domain.people import OPERATOR

if TYPE_CHECKING:
    from server.domain.core import Core
    from server.services.initial_tokens import NewInitialToken

app = typer.Typer(
    help="Initial access tokens, with which clients may register.", no_args_is_help=True
)


@app.command("add")
def add(
    uses: Annotated[int, typer.Option(help="How many clients may register with it.")] = 1,
    days: Annotated[int, typer.Option(help="How long it is good.")] = 7,
    json: output.AsJson = False,
) -> None:
    """Make a token with which clients may register dynamically. It is shown this once."""

    async def work(core: "Core") -> "NewInitialToken":
        from server.services.initial_tokens import add_initial_token

        return await add_initial_token(core, uses=uses, days=days, by=OPERATOR.id)

    made = with_core(work)
    if json:
        shown = {**initial_token_document(made.token), "initial_access_token": made.secret}
        output.document(shown)
        return
    output.facts(
        [
            ("initial_access_token", made.secret),
            ("token_id", made.token.id),
            ("clients", made.token.uses_left),
            ("until", output.moment(made.token.expires_at)),
        ]
    )
    output.say("The token is not shown again.")


@app.command("list")
def show_all(json: output.AsJson = False) -> None:
    """List every token, used up or not; never what they read."""
    tokens = with_core(lambda core: core.store.read(core.rows.initial_tokens.all))
    if json:
        output.document({"tokens": [initial_token_document(token) for token in tokens]})
        return
    output.table(
        ("id", "clients left", "until", "made"),
        [
            (t.id, t.uses_left, output.moment(t.expires_at), output.moment(t.created_at))
            for t in tokens
        ],
        nothing="No tokens: `mandate client token add` makes one.",
    )


@app.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="The id (iat_…).")],
    json: output.AsJson = False,
) -> None:
    """End a token. Clients that registered with it stay."""

    async def work(core: "Core") -> bool:
        from server.services.initial_tokens import revoke_initial_token

        return await revoke_initial_token(core, token_id, by=OPERATOR.id)

    changed = with_core(work)
    if json:
        output.document({"token_id": token_id, "changed": changed})
    else:
        word = "is no good any more" if changed else "was no good already, or never there"
        output.say(f"{output.plain(token_id)} {word}.")
