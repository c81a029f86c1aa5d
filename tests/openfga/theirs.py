"""The real server as a world of questions, over its HTTP API."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import orjson

from authz.model.subject import RelationTuple
from tests.openfga.questions import Answer, Check, Expand, ListObjects, ListUsers, Question, Tree

BATCH = 50


class TheirServer:
    """One connection, kept alive."""

    def __init__(self, url: str) -> None:
        self.http = httpx2.Client(base_url=url, timeout=120)

    def open(self, model: Mapping[str, Any]) -> "TheirWorld | str":
        """Make a store with a model; or return the code of its refusal."""
        return self.add(self._new_store(), model)

    def add(self, store: str, model: Mapping[str, Any]) -> "TheirWorld | str":
        """Give a store another model."""
        answer = self.post(f"{store}/authorization-models", model)
        if "code" in answer:
            return str(answer["code"])
        return TheirWorld(self, store, answer["authorization_model_id"])

    def refusal(self, model: Mapping[str, Any]) -> dict[str, Any]:
        """Return code and message with which a model is refused; empty texts if it is not."""
        answer = self.post(f"{self._new_store()}/authorization-models", model)
        return {"code": answer.get("code", ""), "message": answer.get("message", "")}

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()

    def _new_store(self) -> str:
        return f"/stores/{self.post('/stores', {'name': 'compared'})['id']}"

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer, which has a `code` if it is a refusal."""
        answer: dict[str, Any] = self.http.post(path, json=body).json()
        return answer


class TheirWorld:
    """One store of theirs."""

    def __init__(self, server: TheirServer, path: str, model: str) -> None:
        self._server = server
        self._path = path
        self._model = model

    def under(self, model: Mapping[str, Any]) -> "TheirWorld | str":
        """Return the same store under another model; or the code of its refusal."""
        return self._server.add(self._path, model)

    def write(self, tuples: Sequence[RelationTuple]) -> str:
        """Store the tuples together; return the code of the refusal, or an empty text."""
        return str(
            self.post("write", {"writes": {"tuple_keys": self.keys(tuples)}}).get("code", "")
        )

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each by its own: checks in batches, where their form permits it."""
        answers: dict[int, Answer] = {}
        together: list[tuple[int, Check]] = []
        for position, question in enumerate(questions):
            match question:
                case Check():
                    together.append((position, question))
                case ListObjects():
                    answers[position] = self._list_objects(question)
                case ListUsers():
                    answers[position] = self._list_users(question)
                case Expand():
                    answers[position] = self._expand(question)
        for start in range(0, len(together), BATCH):
            answers.update(self._check(together[start : start + BATCH]))
        return [answers[position] for position in range(len(questions))]

    def _check(self, asked: Sequence[tuple[int, Check]]) -> dict[int, Answer]:
        checks = [{**_check_body(q), "correlation_id": str(i)} for i, q in asked]
        answer = self.post("batch-check", {"checks": checks})
        if "code" in answer:  # one whose form is refused takes the others with it
            return {i: self._check_alone(question) for i, question in asked}
        return {int(i): _verdict(one) for i, one in answer["result"].items()}

    def _check_alone(self, question: Check) -> Answer:
        answer = self.post("check", _check_body(question))
        return answer["code"] if "code" in answer else bool(answer["allowed"])

    def _list_objects(self, question: ListObjects) -> Answer:
        named = {"user": question.user, "relation": question.relation, "type": question.type}
        answer = self.post("list-objects", {**named, **_surroundings(question)})
        return answer["code"] if "code" in answer else frozenset(answer["objects"])

    def _list_users(self, question: ListUsers) -> Answer:
        kind, _, name = question.object.partition(":")
        of, _, relation = question.kind.partition("#")
        body = {
            "object": {"type": kind, "id": name},
            "relation": question.relation,
            "user_filters": [{"type": of, "relation": relation}],
            **_surroundings(question),
            # This call alone has no object around them.
            "contextual_tuples": _keys(question.contextual),
        }
        answer = self.post("list-users", body)
        return answer["code"] if "code" in answer else frozenset(map(_user, answer["users"]))

    def _expand(self, question: Expand) -> Answer:
        key = {"relation": question.relation, "object": question.object}
        answer = self.post("expand", {"tuple_key": key, **_surroundings(question)})
        if "code" in answer:
            return str(answer["code"])
        tree = in_order(answer["tree"])
        return Tree(orjson.dumps(tree, option=orjson.OPT_SORT_KEYS).decode())

    @staticmethod
    def keys(tuples: Sequence[RelationTuple]) -> list[dict[str, Any]]:
        """Write tuples as their API does."""
        return _keys(tuples)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call the store's endpoint under the world's model."""
        whole = {**body, "authorization_model_id": self._model}
        return self._server.post(f"{self._path}/{path}", whole)


def _check_body(question: Check) -> dict[str, Any]:
    key = {"user": question.user, "relation": question.relation, "object": question.object}
    return {"tuple_key": key, **_surroundings(question)}


def _verdict(answer: Mapping[str, Any]) -> Answer:
    if error := answer.get("error"):
        return str(error.get("input_error") or error.get("internal_error"))
    return bool(answer["allowed"])


def _surroundings(question: Question) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if question.contextual:
        body["contextual_tuples"] = {"tuple_keys": _keys(question.contextual)}
    if question.context is not None:
        body["context"] = question.context
    return body


def _user(shown: Mapping[str, Any]) -> str:
    if userset := shown.get("userset"):
        return f"{userset['type']}:{userset['id']}#{userset['relation']}"
    if wildcard := shown.get("wildcard"):
        return f"{wildcard['type']}:*"
    return f"{shown['object']['type']}:{shown['object']['id']}"


def in_order(tree: Any) -> Any:
    """Return an expansion with its sets of users in order; nodes stay as the model has them."""
    if isinstance(tree, dict):
        return {
            name: sorted(part)
            if name == "users" and isinstance(part, list)
            else sorted(part, key=lambda one: one["userset"])
            if name == "computed" and isinstance(part, list)
            else in_order(part)
            for name, part in tree.items()
        }
    return [in_order(part) for part in tree] if isinstance(tree, list) else tree


def _keys(tuples: Sequence[RelationTuple]) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = []
    for given in tuples:
        key: dict[str, Any] = {
            "user": given.user,
            "relation": given.relation,
            "object": given.object,
        }
        if given.condition:
            key["condition"] = {"name": given.condition}
            if given.context is not None:
                key["condition"]["context"] = given.context
        keys.append(key)
    return keys
