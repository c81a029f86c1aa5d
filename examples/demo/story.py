"""What is told and what is checked: each step names what must come back, word for word."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule

from examples.demo.wire import Wire

ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story. `control` differs from a refused step in one thing, and succeeds."""

    chapter: str
    step: str
    told: str
    expected: str
    got: str
    ok: bool
    control: bool


class StepFailed(Exception):
    """A step came out otherwise than told."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.step)
        self.step = step


@dataclass
class Story:
    """Collects the steps and prints them; the first one that fails ends the story."""

    console: Console
    wire: Wire
    quiet: bool = False
    steps: list[Step] = field(default_factory=list)
    _chapter: str = ""
    _began: float = field(default_factory=time.perf_counter)

    def chapter(self, title: str, *lines: str) -> None:
        """Begin a chapter with a few words."""
        self._chapter = title
        if self.quiet:
            return
        self.console.print()
        self.console.print(Rule(f"[bold]{escape(title)}[/]", align="left", style="dim"))
        if lines:
            words = escape(" ".join(lines))
            self.console.print(Padding(f"[italic]{words}[/]", (0, 3, 1, 3)), highlight=False)

    def note(self, text: str) -> None:
        """Tell something that is not a step."""
        if not self.quiet:
            self.console.print(Padding(f"[dim]{escape(text)}[/]", (0, 5)), highlight=False)

    def check(
        self, step: str, told: str, expected: str, got: str, *, control: bool = False
    ) -> None:
        """Compare and print one step; raises `StepFailed`."""
        done = Step(self._chapter, step, told, expected, got, expected == got, control)
        self.steps.append(done)
        if not self.quiet:
            self._print(done)
            self.wire.tell(self.console)
        if not done.ok:
            raise StepFailed(done)

    def _print(self, step: Step) -> None:
        mark = "[green]✓[/]" if step.ok else "[bold red]✗[/]"
        first = step.got.split(maxsplit=1)[0] if step.got else ""
        colour = "green" if step.got == ALLOWED else "yellow" if "_" in first else "cyan"
        lead = "[dim]control:[/] " if step.control else ""
        shown = f"{mark} {lead}{escape(step.told)} [dim]→[/] [{colour}]{escape(step.got)}[/]"
        self.console.print(Padding(shown, (0, 3)), highlight=False)

    def end(self) -> None:
        """Print the last line."""
        if not self.quiet:
            seconds = time.perf_counter() - self._began
            self.console.print(
                f"\n[bold green]All {len(self.steps)} steps came out as told[/] "
                f"[dim]in {seconds:.0f} s[/]"
            )

    def failed(self, step: Step, logs: Iterable[tuple[str, str]]) -> None:
        """Print what was expected and what came instead, with the end of the logs."""
        if self.quiet:
            return
        self.console.print(f"\n[bold red]Step {escape(step.step)} came out otherwise[/]")
        self.console.print(f"  told      {escape(step.told)}", highlight=False)
        self.console.print(f"  expected  [green]{escape(step.expected)}[/]", highlight=False)
        self.console.print(f"  got       [red]{escape(step.got)}[/]", highlight=False)
        self._print_logs(logs)

    def _print_logs(self, logs: Iterable[tuple[str, str]]) -> None:
        for name, text in logs:
            self.console.print(f"\n[dim]the end of the log of {escape(name)}:[/]")
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def broke(self, error: str, logs: Iterable[tuple[str, str]]) -> None:
        """Print why the story could not go on."""
        if self.quiet:
            return
        self.console.print(f"\n[bold red]The demo broke down[/] {escape(error)}", highlight=False)
        self._print_logs(logs)

    @property
    def last(self) -> str:
        """Return the step that came before."""
        return self.steps[-1].step if self.steps else "the start"

    def document(
        self, *, ok: bool, error: str | None, running: dict[str, object] | None = None
    ) -> str:
        """Return everything as one JSON document."""
        seconds = round(time.perf_counter() - self._began, 1)
        return json.dumps(
            {
                "ok": ok,
                "seconds": seconds,
                "error": error,
                "running": running,
                "steps": [asdict(step) for step in self.steps],
            },
            indent=2,
        )
