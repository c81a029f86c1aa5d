"""`mandate authz`: the relationship graph and its engine."""

import typer

from server.cli import authz_explain, authz_model, authz_remote, authz_serve, authz_tuples

app = typer.Typer(name="authz", help="The relationship graph and its engine.", no_args_is_help=True)
app.add_typer(authz_model.app, name="model")
app.add_typer(authz_tuples.app, name="tuples")
app.command("explain")(authz_explain.explain)
app.command("serve")(authz_serve.serve)
app.command("migrate")(authz_serve.migrate)
app.command("push")(authz_remote.push)
app.command("diff")(authz_remote.diff)
app.command("import")(authz_remote.import_)
