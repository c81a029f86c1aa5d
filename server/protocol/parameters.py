"""The parameters of a request after strict parsing: each name once, except where declared."""

from typing import Protocol


class Parameters(Protocol):
    """A parsed form or query. An empty value counts as absent (RFC 6749 §3.1)."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a parameter, or none."""
        ...

    def __contains__(self, name: object, /) -> bool:
        """Tell whether a parameter is present."""
        ...

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a repeatable parameter, in order."""
        ...
