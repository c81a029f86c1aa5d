"""A component that is not here: a reason to skip on a desk, a failure in the gate."""

import os
from typing import NoReturn

import pytest

IN_GATE = os.environ.get("MANDATE_CI") == "1"


def missing(component: str, how: str) -> NoReturn:
    """Skip the test, or fail it where MANDATE_CI=1 says that everything must be there."""
    reason = f"{component} is not installed ({how})"
    if IN_GATE:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
