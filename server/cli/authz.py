"""`mandate authz`: the relationship graph."""

import typer

from server.cli import authz_explain

app = typer.Typer(name="authz", help="The relationship graph.", no_args_is_help=True)
app.command("explain")(authz_explain.explain)
