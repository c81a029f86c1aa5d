"""The fga command line of OpenFGA, built by `.ci/fga`, run against an API."""

import os
import subprocess
from pathlib import Path

VERSION = "0.7.4"


def find_fga() -> Path | None:
    """Return the program, or None; `MANDATE_FGA` names another one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = Path(os.environ.get("MANDATE_FGA", cache / "mandate" / f"fga-{VERSION}" / "fga"))
    return found if found.exists() else None


def run_fga(
    program: Path, folder: Path, *arguments: str, url: str = "", key: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one command in a folder, with no configuration but these."""
    settings = {"HOME": str(folder), "PATH": os.environ["PATH"], "NO_COLOR": "1"}
    if url:
        settings |= {"FGA_API_URL": url, "FGA_API_TOKEN": key, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
