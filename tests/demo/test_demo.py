"""`mandate demo` as a newcomer runs it, and one check turned off."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from examples.demo.faults import FAULTS
from tests.support.processes import mandate_command

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.demo, pytest.mark.timeout(300)]


def _ran(command: list[str]) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_each_step_of_the_story_comes_out_as_told() -> None:
    code, told = _ran(mandate_command("demo", "--json"))
    assert [step for step in told["steps"] if not step["ok"]] == []
    assert (told["error"], told["ok"], code) == (None, True, 0)
    steps = [step["step"] for step in told["steps"]]
    assert len(set(steps)) == len(steps) > 100
    assert sum(step["control"] for step in told["steps"]) > 25
    chapters = list(dict.fromkeys(step["chapter"] for step in told["steps"]))
    assert len(chapters) == 11
    # `make demo-broken` tells which of them notices each check that is off.
    assert {fault.step for fault in FAULTS.values()} <= set(steps)


def test_ctrl_c_leaves_no_process_and_no_file_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        mandate_command("demo"),
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell's background job is born deaf to Ctrl-C, and hands that on to its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "one issuer" in line:
            break
    assert _below(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
    assert _mentioning(str(tmp_path)) == []


def _below(pid: int) -> list[str]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return found.read_text().split() if found.exists() else ["unknown"]


def _mentioning(text: str) -> list[str]:
    """Return the processes that were started in a folder, or with a word of it."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            seen = (each / "environ").read_bytes() + str((each / "cwd").readlink()).encode()
        except OSError:  # it has ended, or is not ours
            continue
        if text.encode() in seen and each.name != str(os.getpid()):
            found.append(each.name)
    return found
