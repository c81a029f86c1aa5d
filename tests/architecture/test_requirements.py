"""The manifest and the tests agree, and the page that tells of them is current."""

from collections import Counter

import pytest

from tests.manifest.dpop import DPOP
from tests.manifest.exchange import EXCHANGE
from tests.manifest.interop import INTEROP
from tests.manifest.kit import KIT
from tests.manifest.oauth import OAUTH
from tests.manifest.product import PRODUCT
from tests.manifest.tokens import TOKENS
from tests.requirements import CLAIMED, PAGE, REQUIREMENTS, collect_proofs, render, requirement


def test_each_requirement_has_one_id_a_source_and_a_sentence():
    every = (*EXCHANGE, *OAUTH, *TOKENS, *DPOP, *PRODUCT, *INTEROP, *KIT)
    assert [i for i, n in Counter(entry.id for entry in every).items() if n > 1] == []
    for entry in every:
        assert entry.source, entry.id
        assert ":" in entry.id, entry.id
        assert entry.text.endswith("."), entry.id


def test_each_mark_in_the_tests_names_a_requirement():
    unknown = {i: proofs for i, proofs in collect_proofs().items() if i not in REQUIREMENTS}
    assert unknown == {}


def test_nothing_is_open_in_an_area_that_is_claimed():
    assert {entry.area for entry in REQUIREMENTS.values()} >= CLAIMED
    proofs = collect_proofs()
    still_open = [
        entry.id
        for entry in REQUIREMENTS.values()
        if entry.area in CLAIMED and not entry.gap and entry.id not in proofs
    ]
    assert still_open == []


def test_an_unknown_id_is_an_error_where_it_is_written():
    no_such_id = "x0:never"
    with pytest.raises(LookupError, match="x0:never"):
        requirement(no_such_id)


def test_the_conformance_page_is_current():
    told = PAGE.read_text(encoding="utf-8")
    assert told == render(collect_proofs()), "docs/conformance.md is old: run `make docs`"
