"""The environments of agent frameworks, where `.ci/frameworks` made them.

`MANDATE_FRAMEWORKS` names another folder.
"""

import os
from pathlib import Path

from tests.support.missing import missing
from tests.support.tree import ROOT


def frameworks_folder() -> Path:
    """Return the folder of the environments."""
    return Path(os.environ.get("MANDATE_FRAMEWORKS", ROOT / ".cache" / "frameworks"))


def framework_python(name: str) -> Path:
    """Return the Python of one environment."""
    found = frameworks_folder() / name / "bin" / "python"
    if not found.exists():
        missing("the agent frameworks' environment", "make frameworks")
    return found
