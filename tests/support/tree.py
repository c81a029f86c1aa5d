"""The files of the project: what is committed, and what would be."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("server", "authz", "mcp_tools")


@cache
def project_files() -> tuple[Path, ...]:
    """Return every file that git keeps or would keep, as paths from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = {Path(name) for name in listed.split("\0") if name}
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below these folders of the root."""
    return [p for p in project_files() if p.suffix == ".py" and p.parts[0] in folders]
