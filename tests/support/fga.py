"""OpenFGA's command line, built by `.ci/fga`."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

VERSION = "0.7.4"


def find_fga() -> Path | None:
    """Return the program, or None; `MANDATE_FGA` names another one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "mandate" / f"fga-{VERSION}" / "fga"
    found = Path(os.environ.get("MANDATE_FGA", built))
    return found if found.exists() else None


def run_fga(
    program: Path, arguments: Sequence[str], *, url: str, token: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in `folder`, with nothing of this user's own settings."""
    return subprocess.run(
        [str(program), *arguments, "--api-url", url, "--api-token", token],
        cwd=folder,
        env={"HOME": str(folder), "NO_COLOR": "1"},
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
