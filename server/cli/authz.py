"""`mandate authz`: the relationship engine by itself."""

import typer

from server.cli import authz_serve

app = typer.Typer(name="authz", help="The relationship engine by itself.", no_args_is_help=True)
app.command("serve")(authz_serve.serve)
app.command("migrate")(authz_serve.migrate)
