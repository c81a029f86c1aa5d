"""One telling of the story, from the curtain to the last process that ends."""

import sys
from dataclasses import dataclass

from rich.console import Console

from examples.demo.chapters import CHAPTERS
from examples.demo.people import Administrator, Person
from examples.demo.play import Play
from examples.demo.processes import StageError
from examples.demo.stage import Stage
from examples.demo.story import StepFailed, Story
from examples.demo.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the story is told."""

    verbose: bool = False
    secrets: bool = False
    """With `verbose`: tokens and secrets are printed whole."""
    json: bool = False
    keep: bool = False


async def run(options: Options, console: Console, stage: Stage | None = None) -> int:
    """Tell everything; return the exit code. Whatever happens, no process stays behind."""
    wire = Wire(verbose=options.verbose and not options.json, secrets=options.secrets)
    story = Story(console, wire, quiet=options.json)
    stage = stage or Stage()
    play = Play(
        stage, story, wire,
        ana=Person.at(wire, stage.issuer, "Ana", "seven lemon trees in a row"),
        ben=Person.at(wire, stage.issuer, "Ben", "a spade, a rake and a barrow"),
        olga=Administrator.at(wire, stage.issuer, "Olga", "the lighthouse is green today"),
    )  # fmt: skip
    error: str | None = None
    try:
        for chapter in CHAPTERS:
            await chapter(play)
        story.end()
    except StepFailed as failed:
        error = f"step {failed.step.step}: expected {failed.step.expected}, got {failed.step.got}"
        story.failed(failed.step, stage.logs())
    except (StageError, LookupError, KeyError) as broken:
        error = f"{type(broken).__name__}: {broken}"
        if not options.json:
            console.print(f"\n[bold red]{error}[/]", markup=False, highlight=False)
            for name, text in stage.logs():
                console.print(f"\nthe end of the log of {name}:\n{text}", markup=False)
    finally:
        await play.close()
        stage.strike()
    if options.json:
        sys.stdout.write(story.document(ok=error is None, error=error) + "\n")
    return 0 if error is None else 1
