"""Our engine as a world of questions: in process, over memory or over SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from authz.engine.check import check_many
from authz.engine.contextual import check_over, expand_over, list_objects_over, over
from authz.engine.query import Query
from authz.engine.tuples import admit_to_store
from authz.engine.users import UserFilter, list_users
from authz.errors import AuthzError
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from authz.stores.protocol import TupleStore
from tests.openfga.questions import Answer, Check, Expand, ListObjects, ListUsers, Question, Tree


def open_ours(model: Mapping[str, Any], store: TupleStore | None = None) -> "OurWorld | str":
    """Compile the model as the API does; or return the code of its refusal."""
    try:
        compiled = Model.from_json(model)
    except AuthzError as error:
        return error.code
    return OurWorld(compiled, store or MemoryTuples())


class OurWorld:
    """One store of ours."""

    def __init__(self, model: Model, store: TupleStore) -> None:
        self._model = model
        self._store = store

    def under(self, model: Mapping[str, Any]) -> "OurWorld | str":
        """Return the same store under another model; or the code of its refusal."""
        return open_ours(model, self._store)

    def write(self, tuples: Sequence[RelationTuple]) -> str:
        """Store the tuples together; return the code of the refusal, or an empty text."""
        try:
            self._store.write([admit_to_store(self._model, one) for one in tuples], [], 0)
        except AuthzError as error:
            return error.code
        return ""

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question by its own; checks that are asked together answer the same."""
        answers = [self._ask(question) for question in questions]
        plain = [
            (Query(question.user, question.relation, question.object, question.context), answer)
            for question, answer in zip(questions, answers, strict=True)
            if isinstance(question, Check) and not question.contextual
        ]
        together = check_many(self._model, self._store, [query for query, _ in plain])
        for (query, alone), verdict in zip(plain, together, strict=True):
            answer = verdict.code if isinstance(verdict, AuthzError) else verdict
            assert answer == alone, f"{query} alone is {alone}, with others {answer}"
        return answers

    def _ask(self, question: Question) -> Answer:
        model, context, tuples = self._model, question.context, question.contextual
        try:
            match question:
                case Check(user, relation, name):
                    query = Query(user, relation, name, context)
                    return check_over(model, self._store, query, tuples)
                case ListObjects(user, relation, kind):
                    found = list_objects_over(
                        model, self._store, user, relation, kind, tuples, context=context
                    )
                    return frozenset(found.objects)
                case ListUsers(name, relation, kind):
                    wanted = UserFilter(*kind.partition("#")[::2])
                    both = over(model, self._store, tuples)
                    users = list_users(model, both, name, relation, [wanted], context=context)
                    return frozenset(map(str, users.users))
                case Expand(name, relation):
                    tree = expand_over(model, self._store, name, relation, tuples)
                    return Tree(orjson.dumps(tree, option=orjson.OPT_SORT_KEYS).decode())
        except AuthzError as error:
            return error.code
