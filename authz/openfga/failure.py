"""Why a remote OpenFGA server gave no answer: a closed list, for counters, logs and operators."""

from enum import StrEnum

from authz.graph import GraphUnavailable


class Fault(StrEnum):
    """What went wrong. None of these words holds anything that somebody sent."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    CREDENTIALS = "credentials"
    STORE = "store"
    MODEL = "model"
    BUSY = "busy"
    FAILED = "failed"
    REFUSED = "refused"
    MALFORMED = "malformed"
    NOT_PUSHED = "not_pushed"


NEXT = {
    Fault.UNREACHABLE: "check MANDATE_OPENFGA_URL, and that the OpenFGA server runs",
    Fault.TIMEOUT: "look at the load of the OpenFGA server, or raise MANDATE_OPENFGA_TIMEOUT_MS",
    Fault.CREDENTIALS: "check the token, or the client, its secret, audience and scope",
    Fault.STORE: "MANDATE_OPENFGA_STORE_ID names a store that is there (`fga store list`)",
    Fault.MODEL: "run `mandate authz push`; MANDATE_OPENFGA_MODEL_ID must be the same model",
    Fault.BUSY: "raise the limits of the OpenFGA server, or wait",
    Fault.FAILED: "see the log of the OpenFGA server",
    Fault.REFUSED: "run `mandate authz diff` to see what the OpenFGA server does not take",
    Fault.MALFORMED: "MANDATE_OPENFGA_URL must be that of an OpenFGA server, not of a proxy's page",
    Fault.NOT_PUSHED: "run `mandate authz push`",
}
"""What an operator does about each."""


class RemoteFailure(GraphUnavailable):
    """No answer; `code` is OpenFGA's own word for it, if it said one.

    `unclear`: what was sent may still be carried out, perhaps after what is sent next.
    """

    def __init__(self, fault: Fault, code: str = "", *, unclear: bool = False) -> None:
        self.fault = fault
        self.code = code
        self.unclear = unclear or fault in {Fault.TIMEOUT, Fault.FAILED, Fault.MALFORMED}
        super().__init__(f"{fault.value} ({code})" if code else fault.value)
