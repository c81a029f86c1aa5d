"""What became of each call, as one structured log record: who, by which agents, what, how long.

Logger `mandate.calls`, level INFO. The attributes are on the record itself, so that OpenTelemetry's
logging handler, or any JSON formatter, exports them; `mandate.evaluation_id` joins the record to
Mandate's audit row of the decision. No token, no argument and no result is in it.
"""

import logging
import time
from typing import Final, Literal

from mcp_tools.call import Admitted
from mcp_tools.decision import Allowed, Decision
from mcp_tools.rule import ObjectRef

LOGGER: Final = "mandate.calls"
_LOG: Final = logging.getLogger(LOGGER)
Outcome = Literal["done", "failed", "refused"]


class Recorder:
    """The record of one call, begun when it came and written once, when its end is known."""

    def __init__(self, request: Admitted, tool: str) -> None:
        self._request = request
        self._tool = tool
        self._began = time.perf_counter()
        self._decision: Decision | None = None
        self._objects: tuple[ObjectRef, ...] = ()

    def decided(self, decision: Decision, objects: tuple[ObjectRef, ...]) -> None:
        """Keep the decision; a denial is the end."""
        self._decision, self._objects = decision, objects
        if not isinstance(decision, Allowed):
            self._write("refused", decision.reason)

    def ended(self, error: BaseException | None = None) -> None:
        """Write how an allowed call ended; of an error its kind alone, since texts repeat data."""
        if error is None:
            self._write("done")
        else:
            self._write("failed", type(error).__name__)

    def _write(self, outcome: Outcome, reason: str | None = None) -> None:
        token, decision = self._request.token, self._decision
        attributes: dict[str, object] = {
            "mandate.tool": self._tool,
            "mandate.outcome": outcome,
            "mandate.sub": token.sub,
            "mandate.agents": token.agents,
            "mandate.client_id": token.client_id,
            "mandate.duration_ms": round((time.perf_counter() - self._began) * 1000, 3),
        }
        optional = {
            "mandate.reason": reason,
            "mandate.grant_id": token.grant_id,
            "mandate.evaluation_id": decision.evaluation_id if decision is not None else None,
            "mandate.objects": tuple(str(each) for each in self._objects) or None,
        }
        attributes |= {name: value for name, value in optional.items() if value is not None}
        _LOG.info("%s %s", self._tool, outcome, extra=attributes)
