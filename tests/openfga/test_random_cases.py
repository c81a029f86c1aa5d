"""Random models, tuples and questions: our engine answers as a real OpenFGA server does.

Made by a seeded generator: a failure tells its seed, and its smallest case.
"""

import itertools
import os
from collections.abc import Callable

import pytest

from authz.stores.protocol import TupleStore
from tests.openfga.compare import Comparison
from tests.openfga.theirs import TheirServer

pytestmark = pytest.mark.openfga

GATE = 1_000
NIGHT = int(os.environ.get("MANDATE_FUZZ", "20000"))


def compare(comparison: Comparison, first: int, many: int) -> None:
    for seed in itertools.count(first):
        if comparison.cases >= many:
            break
        comparison.run(seed)
    tolerated = sum(comparison.tolerated.values())
    print(f"{comparison.cases} cases, {tolerated} tolerated: {dict(comparison.tolerated)}")
    # What may differ is rare: else the document is an excuse.
    assert tolerated < comparison.cases / 50


def test_our_engine_answers_as_openfga_does(
    theirs: TheirServer, new_store: Callable[[], TupleStore]
):
    compare(Comparison(theirs, new_store), 0, GATE)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_our_engine_answers_as_openfga_does_for_very_many_cases(
    theirs: TheirServer, new_store: Callable[[], TupleStore]
):
    compare(Comparison(theirs, new_store), 100_000, NIGHT)
