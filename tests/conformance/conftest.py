"""The suite in a folder of its own."""

from pathlib import Path

import pytest

from tests.conformance.suite import Suite


@pytest.fixture
def suite(node: Path, node_packages: Path, tmp_path: Path) -> Suite:
    """Find the suite that .ci/node installed."""
    return Suite(node, node_packages, tmp_path)
