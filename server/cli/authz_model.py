"""`mandate authz model`: check a model, turn it into its other form, run its tests.

They need no settings and no database.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.failure import DONE, FAILED, MISUSED, Failure

if TYPE_CHECKING:
    from authz.errors import Problem
    from authz.model.files import LoadedModel
    from authz.storefile.run import Outcome, Report

app = typer.Typer(help="Authorization models.", no_args_is_help=True)

_ModelFile = Annotated[
    Path, typer.Argument(help="A model: .fga, .json, fga.mod, or a resource's module (.fga).")
]


@app.command("validate")
def validate(file: _ModelFile, json: output.AsJson = False) -> int:
    """Check a model as it is checked when it is written; exit 1 and name every problem.

    A file that begins with `module` is checked together with Mandate's own types.
    """
    from authz.errors import ModelError

    try:
        loaded = _load(file)
    except ModelError as error:
        if json:
            output.document(_invalid_document(error.problems))
        else:
            _tell_problems(error.problems)
        return FAILED
    document = _valid_document(loaded)
    if json:
        output.document(document)
        return DONE
    counts = ", ".join(f"{document[name]} {name}" for name in ("types", "relations", "conditions"))
    joined = ", joined with Mandate's own types" if document["form"] == "module" else ""
    output.say(
        output.plain(f"{file} is valid{joined}: schema {document['schema_version']}, {counts}.")
    )
    return DONE


@app.command("transform")
def transform(
    file: _ModelFile,
    to: Annotated[
        str, typer.Option(metavar="dsl|json", help="The form to print; the other one by default.")
    ] = "",
    json: output.AsJson = False,
) -> int:
    """Print a model in its other form: JSON, as the OpenFGA API takes it, or the DSL."""
    import orjson

    from authz.errors import ModelError
    from authz.model.files import Form

    if to not in {"", "dsl", "json"}:
        raise Failure("--to is dsl or json", code=MISUSED)
    try:
        loaded = _load(file)
        dsl = to == "dsl" if to else loaded.form is Form.JSON
        model = loaded.model
        text = model.to_dsl() if dsl else ""
    except ModelError as error:
        _tell_problems(error.problems)
        return FAILED
    body = None if dsl else model.to_json()
    if json:
        output.document({"dsl": text} if dsl else {"model": body})
    elif dsl:
        sys.stdout.write(text)
    else:
        sys.stdout.write(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n")
    return DONE


@app.command("test")
def run_tests(
    file: Annotated[Path, typer.Argument(help="A store file (.fga.yaml).")],
    json: output.AsJson = False,
) -> int:
    """Run the tests of a model; exit 1 and tell what came otherwise than expected.

    The file is a store file of OpenFGA's command line. Nothing is stored: each test runs in memory.
    """
    from authz.errors import ModelError
    from authz.storefile.document import StoreFileRefused
    from authz.storefile.run import run_store_file

    try:
        report = run_store_file(file)
    except ModelError as error:
        _tell_problems(error.problems)
        return FAILED
    except StoreFileRefused as error:
        _tell_problems(error.problems)
        return MISUSED
    if json:
        output.document(_report_document(report))
    else:
        _tell_report(report)
    return FAILED if report.failed else DONE


def _load(file: Path) -> "LoadedModel":
    from authz.model.files import load_model

    if file.suffix in {".yaml", ".yml"}:
        raise Failure(f"{file} is no model: `mandate authz model test` runs it", code=MISUSED)
    return load_model(file)


def _valid_document(loaded: "LoadedModel") -> dict[str, object]:
    types = loaded.model.types
    return {
        "valid": True,
        "form": loaded.form.value,
        "schema_version": loaded.model.schema.version,
        "files": loaded.files,
        "types": len(types),
        "relations": sum(map(len, types.values())),
        "conditions": len(loaded.model.conditions),
        "problems": [],
    }


def _invalid_document(problems: "Sequence[Problem]") -> dict[str, object]:
    return {"valid": False, "problems": [_problem_document(problem) for problem in problems]}


def _problem_document(problem: "Problem") -> dict[str, object]:
    """Lines and columns from 1, as an editor counts; null where the fault has no place."""
    placed = problem.line >= 0
    return {
        "kind": problem.kind,
        "message": problem.message,
        "file": problem.source or None,
        "line": problem.line + 1 if placed else None,
        "column": problem.column + 1 if placed else None,
    }


def _report_document(report: "Report") -> dict[str, object]:
    return {
        "name": report.name,
        "passed": len(report.outcomes) - report.failed,
        "failed": report.failed,
        "results": [_outcome_document(outcome) for outcome in report.outcomes],
    }


def _outcome_document(outcome: "Outcome") -> dict[str, object]:
    return {
        "test": outcome.test,
        "kind": outcome.kind,
        "line": outcome.line + 1,
        "user": outcome.user,
        "relation": outcome.relation,
        "target": outcome.target,
        "expected": outcome.expected,
        "got": outcome.got,
        "ok": outcome.ok,
        "why": outcome.why or None,
    }


def _tell_problems(problems: "Sequence[Problem]") -> None:
    """Write each problem in a line that editors can follow: file:line:column: message."""
    for problem in problems:
        place = problem.source or "the model"
        if problem.line >= 0:
            place += f":{problem.line + 1}:{problem.column + 1}"
        line = " ".join(f"{place}: {problem.message} ({problem.kind})".split())
        sys.stderr.write("".join(c if c.isprintable() else "?" for c in line) + "\n")


def _tell_report(report: "Report") -> None:
    for outcome in report.outcomes:
        if outcome.ok:
            continue
        question = f"{outcome.user} {outcome.relation} {outcome.target}"
        output.say(output.plain(f"FAILED {outcome.test}, line {outcome.line + 1}: {question}"))
        output.say(output.plain(f"  expected: {_shown(outcome.expected)}"))
        output.say(output.plain(f"  got:      {_shown(outcome.got)}"))
        output.say(output.plain(f"  why:      {outcome.why}"))
    passed = len(report.outcomes) - report.failed
    output.say(output.plain(f"{report.name}: {passed} passed, {report.failed} failed."))


def _shown(value: "bool | tuple[str, ...] | None") -> str:
    if value is None:
        return "no answer"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) or "nothing"
