"""The archive under its guards, with a clock that stands still."""

import pytest

from mcp_tools.testing.issuer import ThrowawayIssuer
from tests.mcp_kit.archive import Archive
from tests.support.clock import FrozenClock


@pytest.fixture
def archive(clock: FrozenClock) -> Archive:
    built = Archive(clock, ThrowawayIssuer(clock=clock)).build()
    built.issuer.rules.allow("usr_ann", "viewer", "document:1", "document:2")
    return built
