"""`mandate authz`: the relationship engine by itself."""

import typer

from server.cli import authz_model

app = typer.Typer(name="authz", help="The relationship engine by itself.", no_args_is_help=True)
app.add_typer(authz_model.app, name="model")
