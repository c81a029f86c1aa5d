"""`mandate authz explain`: why a relation holds or not, drawn as a tree."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli import output
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_core

if TYPE_CHECKING:
    from rich.tree import Tree

    from authz.engine.why.explained import Step

_COLOURS = {True: "green", False: "red", None: "yellow"}


def explain(
    user: Annotated[
        str, typer.Argument(help="Who: user:usr_…, agent:agt_…, or a person's address or id.")
    ],
    relation: Annotated[str, typer.Argument(help="Which relation, such as viewer.")],
    object: Annotated[str, typer.Argument(help="On what, such as document:42.")],
    context: Annotated[
        str, typer.Option(metavar="JSON", help="What conditions see: a JSON object.")
    ] = "",
    json: output.AsJson = False,
) -> None:
    """Explain why a relation holds or not, and which tuple would turn a no into a yes."""
    from authz.engine.why.drawn import tuple_text, verdict
    from server.services.why import Unasked, why

    values = _context(context)
    found = with_core(lambda core: why(core, user, relation, object, values))
    if isinstance(found, Unasked):
        raise Failure(found.why)
    if json:
        output.document(found.to_json())
        return
    output.say(output.plain(verdict(found)))
    output.console().print(_tree(found.tree))
    if found.nearest is not None:
        output.say(output.plain(f"It would be yes with {tuple_text(found.nearest)}"))
    if found.cut:
        output.say("This is not the whole: a limit was reached.")


def _context(text: str) -> dict[str, Any] | None:
    import orjson

    if not text:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise Failure('--context takes a JSON object such as {"ip": "192.0.2.1"}', code=MISUSED)
    return value


def _tree(step: "Step", above: "Tree | None" = None) -> "Tree":
    from rich.tree import Tree

    from authz.engine.why.drawn import sentence

    words = f"[{_COLOURS[step.holds]}]{output.plain(sentence(step))}[/]"
    branch = Tree(words) if above is None else above.add(words)
    for below in step.steps:
        _tree(below, branch)
    return branch
