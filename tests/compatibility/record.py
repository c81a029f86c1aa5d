"""What a test found, written where `python -m tests.compatibility` reads it."""

import json
from enum import StrEnum
from typing import Final

from tests.support.tree import ROOT

FOLDER: Final = ROOT / ".cache" / "compatibility"


class Flow(StrEnum):
    """What a client may do, as the columns of the page."""

    SECRET = "client secret (Basic)"
    SECRET_POST = "client secret (POST)"
    PRIVATE_KEY_JWT = "`private_key_jwt`"
    STEP_UP = "step-up"
    CODE = "code + PKCE"
    CODE_STEP_UP = "code: step-up"
    CIMD = "client ID metadata"
    DCR = "dynamic registration"
    ID_JAG = "ID-JAG"
    EXCHANGE = "token exchange"
    TOKEN = "token given"


def passed(client: str, flow: str, *, defect: str = "") -> None:
    """Keep that a flow went well, or that the client itself has this defect in it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() else "-" for c in f"{client}--{flow}")
    found = {"client": client, "flow": str(flow), "defect": defect}
    (FOLDER / f"{name}.json").write_text(json.dumps(found))
