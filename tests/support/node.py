"""Node 22 for clients of the npm registry, where `make node` put them.

`MANDATE_NODE` names another Node and `MANDATE_NODE_PACKAGES` another folder of `node_modules`.
"""

import os
import subprocess
from pathlib import Path

from tests.support.tree import ROOT

OLDEST = 22
_INSTALLED = ROOT / ".cache" / "node"


def find_node() -> Path | None:
    """Return a Node of version 22 or later, or None."""
    installed = _INSTALLED / "node_modules" / "node" / "bin" / "node"
    found = Path(os.environ.get("MANDATE_NODE", installed))
    if not found.exists():
        return None
    told = subprocess.run([found, "--version"], check=True, capture_output=True, text=True).stdout
    return found if int(told.lstrip("v").split(".")[0]) >= OLDEST else None


def find_packages() -> Path | None:
    """Return the folder that holds `node_modules`, or None."""
    folder = Path(os.environ.get("MANDATE_NODE_PACKAGES", _INSTALLED))
    return folder if (folder / "node_modules").is_dir() else None
