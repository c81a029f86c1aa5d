"""The store files of the repository say of the real OpenFGA server what they say of our engine."""

from pathlib import Path

import pytest

from authz.model.files import load_model
from authz.storefile.document import StoreTest, parse_store_file
from tests.openfga.questions import Answer, Check, ListObjects, ListUsers, Question
from tests.openfga.theirs import TheirServer
from tests.support.tree import ROOT, project_files

pytestmark = pytest.mark.openfga

FILES = [path for path in project_files() if path.name.endswith(".fga.yaml")]


def _asked(test: StoreTest) -> list[tuple[Question, Answer]]:
    """Return what a test asks, and the answer that it expects."""
    asked: list[tuple[Question, Answer]] = [
        (Check(user, relation, object_, check.context), expected)
        for check in test.checks
        for user in check.users
        for object_ in check.objects
        for relation, expected in check.assertions.items()
    ]
    asked += [
        (ListObjects(of.user, relation, of.type, of.context), frozenset(names))
        for of in test.listings
        for relation, names in of.assertions.items()
    ]
    asked += [
        (ListUsers(of.object, relation, kind, of.context), frozenset(names))
        for of in test.holders
        for kind, _ in of.kinds
        for relation, names in of.assertions.items()
    ]
    return asked


def test_both_store_files_are_found():
    assert {path.name for path in FILES} >= {"mandate.fga.yaml", "documents.fga.yaml"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_real_server_answers_as_the_store_file_expects(path: Path, theirs: TheirServer):
    file = ROOT / path
    given = parse_store_file(file.read_text(encoding="utf-8"), path.name)
    model = load_model(file.parent / given.model_file).model.to_json()
    for test in given.tests:
        world = theirs.open(model)
        assert not isinstance(world, str), world
        assert world.write([each.tuple for each in (*given.tuples, *test.tuples)]) == ""
        asked = _asked(test)
        answers = world.ask([question for question, _ in asked])
        wrong = [
            (question, expected, answer)
            for (question, expected), answer in zip(asked, answers, strict=True)
            if answer != expected
        ]
        assert wrong == [], test.name
