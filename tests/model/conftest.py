"""OpenFGA's tool, ready to be asked."""

from pathlib import Path

import pytest

from tests.model.oracle import Oracle, ask


@pytest.fixture(scope="module")
def oracle(node: Path, node_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """Return a function that asks OpenFGA's syntax-transformer."""
    folder = tmp_path_factory.mktemp("oracle")
    return lambda questions: ask(node, node_packages, folder, questions)
