"""Why a document was not fetched: a closed list, safe to log and to count."""

from enum import StrEnum


class FetchFault(StrEnum):
    """The reason inside `FetchRefused`."""

    URL_REFUSED = "url_refused"
    ADDRESS_REFUSED = "address_refused"
    UNRESOLVABLE = "unresolvable"
    UNREACHABLE = "unreachable"
    STATUS = "status"
    GONE = "gone"
    """404 or 410: its origin says that there is nothing."""
    CONTENT_TYPE = "content_type"
    ENCODING = "encoding"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    BUSY = "busy"


class FetchRefused(Exception):
    """A document that we did not take. The text has the reason and the host, never path or query.

    Whoever named the URL learns only that it failed: the reasons would map our network.
    """

    def __init__(self, reason: FetchFault, host: str = "") -> None:
        super().__init__(f"{reason.value} {host}".rstrip())
        self.reason = reason
        self.host = host
