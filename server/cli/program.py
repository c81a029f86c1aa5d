"""The tree of commands, and the one place where a failure becomes a line and an exit code."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from server.cli import (
    agents,
    audit,
    audit_evidence,
    authz,
    clients,
    delegations,
    demo,
    id_jag,
    initialise,
    issuers,
    people,
    resources,
    serve,
    signing_keys,
    upkeep,
)
from server.cli.failure import DONE, FAILED, MISUSED, explain

app = typer.Typer(
    name="mandate",
    help="An authorization server in which agents act for people, within their consent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def settings_folder(
    folder: Annotated[
        Path,
        typer.Option(
            "--directory", "-C", help="Run as if started in this directory, with its mandate.env."
        ),
    ] = Path(),
) -> None:
    """An authorization server in which agents act for people, within their consent."""
    os.chdir(folder)


app.command("init")(initialise.init)
app.command("migrate")(initialise.migrate)
app.command("serve")(serve.serve)
app.add_typer(people.app, name="user")
app.add_typer(clients.app, name="client")
app.add_typer(agents.app, name="agent")
app.add_typer(resources.app, name="resource")
app.add_typer(issuers.app, name="issuer")
app.add_typer(id_jag.app, name="idjag")
app.add_typer(delegations.app, name="delegation")
app.add_typer(signing_keys.app, name="keys")
audit.app.command("verify")(audit_evidence.verify)
audit.app.command("export")(audit_evidence.export)
app.add_typer(audit.app, name="audit")
app.add_typer(authz.app, name="authz")
app.command("backup")(upkeep.backup)
app.command("restore")(upkeep.restore)
app.command("doctor")(upkeep.doctor)
app.command("demo")(demo.demo)


@cache
def _tree() -> Callable[..., object]:
    """Return the commands; building them costs more than most of them do."""
    return get_command(app)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; only a mistake in our code leaves a trace."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        outcome = _tree()(args=given, prog_name="mandate", standalone_mode=False)
    except typer.TyperException as error:
        return _misused(error)
    except typer.Abort:
        return _fail("nothing was done", FAILED)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        return _fail(*told)
    return outcome if isinstance(outcome, int) else DONE


def _fail(line: str, code: int) -> int:
    sys.stderr.write(f"mandate: {line}\n")
    return code


def _misused(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = "mandate" if context is None else context.command_path
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")
        return MISUSED
    line = " ".join(error.format_message().split())
    if type(error).__name__ == "NoSuchOption":
        line = f"{line}; put -- before a value that begins with a dash"
    return _fail(f"{line} (see `{path} --help`)", error.exit_code)
