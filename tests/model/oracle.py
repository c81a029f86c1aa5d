"""OpenFGA's own syntax-transformer (npm), asked many questions by one Node process."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

SCRIPT = Path(__file__).parents[1] / "node" / "fga_oracle.mjs"
Oracle: TypeAlias = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def ask(
    node: Path, packages: Path, folder: Path, questions: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Answer questions in their order; see the script for what there is to ask."""
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(packages / "node_modules")
    script = folder / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    done = subprocess.run(
        [node, script],
        input=json.dumps(list(questions)),
        text=True,
        capture_output=True,
        check=True,
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers
