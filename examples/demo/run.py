"""One telling of the story, from the curtain to the last process that ends."""

import asyncio
import shlex
import signal
import sys
from dataclasses import dataclass

import httpx2
from rich.console import Console

from examples.demo.chapters import CHAPTERS
from examples.demo.people import Administrator, Person
from examples.demo.play import Play
from examples.demo.processes import StageError
from examples.demo.stage import Stage
from examples.demo.story import StepFailed, Story
from examples.demo.wire import Wire

WHOLE = "Tokens, passwords and secrets are printed whole: do not show this output to anybody."
SHORT = "Tokens and secrets are shortened (…); --secrets prints them whole."


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the story is told."""

    verbose: bool = False
    secrets: bool = False
    """With `verbose`: tokens and secrets are printed whole."""
    json: bool = False
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How a telling ended; `step` is the one that came out otherwise."""

    error: str | None = None
    step: str | None = None


async def run(options: Options, console: Console) -> int:
    """Tell everything, print it, and return the exit code."""
    end_on_signals()
    wire = Wire(verbose=options.verbose and not options.json, secrets=options.secrets)
    story = Story(console, wire, quiet=options.json)
    if wire.verbose:
        console.print(f"[bold yellow]{WHOLE if options.secrets else SHORT}[/]")
    stage = Stage()
    kept = False
    try:
        ending = await tell(story, stage)
        kept = options.keep and ending.error is None
    finally:
        if not kept:
            stage.strike()
    if options.json:
        running = stage.running() if kept else None
        sys.stdout.write(story.document(ok=ending.error is None, error=ending.error,
                                        running=running) + "\n")  # fmt: skip
    elif kept:
        _print_links(console, stage)
    return 0 if ending.error is None else 1


async def tell(story: Story, stage: Stage) -> Ending:
    """Tell the story on a stage, which the caller strikes."""
    wire = story.wire
    play = Play(
        stage, story, wire,
        ana=Person.at(wire, stage.issuer, "Ana", "seven lemon trees in a row"),
        ben=Person.at(wire, stage.issuer, "Ben", "a spade, a rake and a barrow"),
        olga=Administrator.at(wire, stage.issuer, "Olga", "the lighthouse is green today"),
    )  # fmt: skip
    stage.desk.told = wire.typed
    try:
        for chapter in CHAPTERS:
            await chapter(play)
        story.end()
        return Ending()
    except StepFailed as failed:
        step = failed.step
        story.failed(step, stage.logs())
        return Ending(f"{step.step}: expected {step.expected}, got {step.got}", step.step)
    except (StageError, LookupError, TypeError, httpx2.HTTPError, OSError) as broken:
        error = f"after {story.last}: {type(broken).__name__}: {broken}"
        story.broke(error, stage.logs())
        return Ending(error)
    finally:
        await play.close()


def end_on_signals() -> None:
    """Let `kill` and a closed terminal end the demo as Ctrl-C does: nothing stays behind."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            loop.add_signal_handler(number, task.cancel)


def _print_links(console: Console, stage: Stage) -> None:
    found = stage.running()
    folder, home = shlex.quote(str(stage.server_folder)), shlex.quote(str(stage.home))
    pids = " ".join(str(pid) for pid in found["pids"])
    console.print("\n[bold]Everything is left running.[/] Look around:")
    lines = (
        f"  Ana's agents   {stage.issuer}/agents",
        "                 ana@example.org, seven lemon trees in a row",
        f"  the console    {stage.issuer}/admin/agents",
        "                 olga@example.org, the lighthouse is green today",
        f"  second worker  {stage.second}",
        f"  documents      {stage.documents}",
        f"  command line   mandate -C {folder} delegation list",
        "\nTo stop it and to remove its files:",
        f"  kill {pids} && rm -r {home}",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
