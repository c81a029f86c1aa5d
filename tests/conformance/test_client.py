"""`client`: our client helper against the suite's own servers, by a small driver."""

import sys
from pathlib import Path

import pytest

from tests.compatibility.record import SUITE_ID, passed
from tests.compatibility.scenarios import CLIENT, DPOP, NOT_APPLICABLE
from tests.conformance.suite import Suite
from tests.requirements import requirement
from tests.support.tree import ROOT

pytestmark = pytest.mark.node
DRIVER = Path(__file__).with_name("driver.py")


@requirement("interop:suite:client")
@pytest.mark.parametrize("scenario", CLIENT)
def test_our_client_passes(suite: Suite, monkeypatch: pytest.MonkeyPatch, scenario: str):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = f"{sys.executable} {DRIVER}"
    found = suite.run("client", "--command", command, "--scenario", scenario)
    assert found.code == 0, found.printed
    assert set(found.counted) == {"SUCCESS"}, found.printed
    passed(SUITE_ID, scenario)


def test_every_scenario_on_authorization_is_tried_or_explained(suite: Suite):
    listed = {word for word in suite.run("list").printed.split() if word.startswith("auth/")}
    assert listed == {*CLIENT, *DPOP, *NOT_APPLICABLE}
