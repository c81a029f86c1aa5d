"""One walk through every method of openfga-sdk's client, told as what each call gave."""

import datetime as dt
import inspect
import re
from typing import Any

from openfga_sdk import ClientConfiguration, ReadRequestTupleKey
from openfga_sdk.client.models import (
    ClientAssertion,
    ClientBatchCheckItem,
    ClientBatchCheckRequest,
    ClientCheckRequest,
    ClientExpandRequest,
    ClientListObjectsRequest,
    ClientListRelationsRequest,
    ClientTuple,
    ClientWriteRequest,
)
from openfga_sdk.client.models.list_users_request import ClientListUsersRequest
from openfga_sdk.client.models.read_changes_request import ClientReadChangesRequest
from openfga_sdk.client.models.write_conflict_opts import (
    ClientWriteRequestOnDuplicateWrites,
    ClientWriteRequestOnMissingDeletes,
    ConflictOptions,
)
from openfga_sdk.credentials import CredentialConfiguration, Credentials
from openfga_sdk.exceptions import ApiException
from openfga_sdk.models import (
    CreateStoreRequest,
    FgaObject,
    RelationshipCondition,
    UserTypeFilter,
    WriteAuthorizationModelRequest,
)

ULID = re.compile(r"[0-9A-Z]{26}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
USERS = [{"type": "user"}, {"type": "user", "wildcard": {}}, {"type": "group", "relation": "member"},
         {"type": "user", "condition": "small"}]  # fmt: skip
TYPES = [
    {"type": "user"},
    {
        "type": "group",
        "relations": {"member": {"this": {}}},
        "metadata": {
            "relations": {"member": {"directly_related_user_types": [{"type": "user"}]}},
            "module": "teams",
            "source_info": {"file": "teams.fga"},
        },
    },
    {
        "type": "document",
        "relations": {
            "owner": {"this": {}},
            "banned": {"this": {}},
            "parent": {"this": {}},
            "viewer": {
                "union": {
                    "child": [
                        {"this": {}},
                        {"computedUserset": {"relation": "owner"}},
                        {
                            "tupleToUserset": {
                                "tupleset": {"relation": "parent"},
                                "computedUserset": {"relation": "viewer"},
                            }
                        },
                    ]
                }
            },
            "reader": {
                "difference": {
                    "base": {"computedUserset": {"relation": "viewer"}},
                    "subtract": {"computedUserset": {"relation": "banned"}},
                }
            },
        },
        "metadata": {
            "relations": {
                "owner": {"directly_related_user_types": [{"type": "user"}]},
                "banned": {"directly_related_user_types": [{"type": "user"}]},
                "parent": {"directly_related_user_types": [{"type": "document"}]},
                "viewer": {"directly_related_user_types": USERS},
            }
        },
    },
]
CONDITIONS = {
    "small": {
        "name": "small",
        "expression": "x < 100",
        "parameters": {"x": {"type_name": "TYPE_NAME_INT"}},
    }
}


def configuration(url: str, key: str) -> ClientConfiguration:
    """Return how a client reaches a server."""
    token = CredentialConfiguration(api_token=key)
    return ClientConfiguration(
        api_url=url, credentials=Credentials(method="api_token", configuration=token)
    )


def plain(value: Any, name: str = "") -> Any:
    """Return what a call gave without ids, times and tokens, and sets without an order."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        value = {k.lstrip("_"): v for k, v in vars(value).items()}
    if isinstance(value, dict):
        return {k: plain(v, k) for k, v in value.items() if k != "correlation_id"}
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return sorted(items, key=repr) if name in _SETS else items
    if isinstance(value, dt.datetime) or (isinstance(value, str) and TIME.fullmatch(value)):
        return "<time>"
    if isinstance(value, Exception):
        return type(value).__name__
    if name == "continuation_token" and value:
        return "<token>"
    if isinstance(value, str):
        return ULID.sub("<id>", value)
    return value


_SETS = {"objects", "tuples", "users", "result"}


class Journey:
    """Calls a client, asynchronous or not, and notes each answer under a name."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.notes: dict[str, Any] = {}

    async def call(self, note: str, method: str, *given: Any) -> Any:
        """Call a method; an error of the API is an answer as well."""
        try:
            answer = getattr(self.client, method)(*given)
            if inspect.isawaitable(answer):
                answer = await answer
        except ApiException as error:
            self.notes[note] = [type(error).__name__, error.status, error.code]
            return None
        self.notes[note] = plain(answer)
        return answer

    async def stream(self, note: str, method: str, *given: Any) -> None:
        """Take everything that a streaming method yields."""
        answer = getattr(self.client, method)(*given)
        if inspect.isawaitable(answer):
            answer = await answer
        try:
            if hasattr(answer, "__aiter__"):
                found = [item async for item in answer]
            else:
                found = list(answer)
        except ApiException as error:
            self.notes[note] = [type(error).__name__, error.status]
            return
        self.notes[note] = sorted((plain(item) for item in found), key=repr)


async def walk(client: Any) -> dict[str, Any]:
    """Call every public method of a client and return what each gave."""
    j = Journey(client)
    await _stores_and_models(j)
    await _tuples(j)
    await _queries(j)
    await _assertions(j)
    await _raw(j)
    await j.call("delete_store", "delete_store")
    await j.call("get_store: deleted", "get_store")
    return j.notes


async def _stores_and_models(j: Journey) -> None:
    made = await j.call("create_store", "create_store", CreateStoreRequest(name="A store/1.0"))
    await j.call("create_store: short", "create_store", CreateStoreRequest(name="ab"))
    await j.call("list_stores: by name", "list_stores", {"name": "no such store"})
    await j.call("list_stores: too many", "list_stores", {"page_size": 101})
    j.client.set_store_id(made.id)
    j.notes["get_store_id"] = j.client.get_store_id() == made.id
    await j.call("get_store", "get_store")
    await j.call("read_authorization_models: none", "read_authorization_models")
    await j.call("check: no model", "check", _check("user:anne", "viewer", "document:1"))
    bad = WriteAuthorizationModelRequest(
        schema_version="1.1",
        type_definitions=[
            {"type": "a", "relations": {"b": {"computedUserset": {"relation": "c"}}}}
        ],
    )
    await j.call("write_authorization_model: bad", "write_authorization_model", bad)
    request = WriteAuthorizationModelRequest(
        schema_version="1.1", type_definitions=TYPES, conditions=CONDITIONS
    )
    await j.call("write_authorization_model: first", "write_authorization_model", request)
    model = await j.call("write_authorization_model", "write_authorization_model", request)
    j.client.set_authorization_model_id(model.authorization_model_id)
    j.notes["get_authorization_model_id"] = (
        j.client.get_authorization_model_id() == model.authorization_model_id
    )
    await j.call("read_authorization_model", "read_authorization_model")
    latest = await j.call("read_latest", "read_latest_authorization_model")
    j.notes["the latest"] = latest.authorization_model.id == model.authorization_model_id
    await j.call("read_authorization_models", "read_authorization_models", {"page_size": 1})
    unknown = {"authorization_model_id": UNKNOWN}
    await j.call("read_authorization_model: unknown", "read_authorization_model", unknown)


async def _tuples(j: Journey) -> None:
    small = RelationshipCondition(name="small", context={"x": 5})
    conditional = ClientTuple("user:cleo", "viewer", "document:1", small)
    grants = [
        ClientTuple("user:anne", "owner", "document:1"),
        ClientTuple("group:g#member", "viewer", "document:1"),
        ClientTuple("user:bob", "member", "group:g"),
        conditional,
        ClientTuple("user:*", "viewer", "document:2"),
        ClientTuple("user:eve", "banned", "document:2"),
        ClientTuple("document:1", "parent", "document:3"),
    ]
    await j.call("write", "write", ClientWriteRequest(writes=grants))
    await j.call("write: twice", "write", ClientWriteRequest(writes=grants[:1]))
    quietly = {
        "conflict": ConflictOptions(
            on_duplicate_writes=ClientWriteRequestOnDuplicateWrites.IGNORE,
            on_missing_deletes=ClientWriteRequestOnMissingDeletes.IGNORE,
        )
    }
    await j.call("write: ignoring", "write", ClientWriteRequest(writes=grants), quietly)
    other = ClientTuple(
        "user:cleo", "viewer", "document:1", RelationshipCondition(name="small", context={"x": 6})
    )
    await j.call("write: other condition", "write", ClientWriteRequest(writes=[other]), quietly)
    wrong = ClientTuple("user:anne", "fly", "document:1")
    await j.call("write: unknown relation", "write", ClientWriteRequest(writes=[wrong]))
    await j.call("write_tuples", "write_tuples", [ClientTuple("user:dan", "owner", "document:4")])
    gone = [ClientTuple("user:dan", "owner", "document:4")]
    await j.call("delete_tuples", "delete_tuples", gone)
    await j.call("delete_tuples: twice", "delete_tuples", gone)
    absent = ClientWriteRequest(deletes=gone)
    await j.call("write: absent, ignoring", "write", absent, quietly)
    await j.call("read", "read", ReadRequestTupleKey())
    await j.call("read: object", "read", ReadRequestTupleKey(object="document:1"))
    by_user = ReadRequestTupleKey(user="user:cleo", object="document:")
    await j.call("read: user and type", "read", by_user)
    # A user alone is read by ours only (test_beyond.py).
    await j.call("read: a page", "read", ReadRequestTupleKey(object="document:1"), {"page_size": 1})
    forged = {"continuation_token": "x"}
    await j.call("read: forged", "read", ReadRequestTupleKey(object="document:1"), forged)
    changes = ClientReadChangesRequest
    await j.call("read_changes", "read_changes", changes(type=""))
    await j.call("read_changes: of a type", "read_changes", changes(type="group"))
    await j.call("read_changes: page", "read_changes", changes(type="document"), {"page_size": 2})
    old = changes(type="", start_time="2020-01-01T00:00:00Z")
    await j.call("read_changes: since", "read_changes", old)
    future = changes(type="", start_time="2100-01-01T00:00:00Z")
    await j.call("read_changes: future", "read_changes", future)


def _check(user: str, relation: str, object_: str, **more: Any) -> ClientCheckRequest:
    return ClientCheckRequest(user=user, relation=relation, object=object_, **more)


async def _queries(j: Journey) -> None:
    own = [ClientTuple("user:zoe", "viewer", "document:9")]
    for user in ("user:anne", "user:bob", "user:zoe", "user:cleo"):
        await j.call(f"check: {user}", "check", _check(user, "reader", "document:1"))
    within = _check("user:cleo", "viewer", "document:3", context={"x": 1})
    await j.call("check: context", "check", within)
    with_own = _check("user:zoe", "viewer", "document:9", contextual_tuples=own)
    await j.call("check: own tuples", "check", with_own, {"consistency": "HIGHER_CONSISTENCY"})
    await j.call("check: unknown", "check", _check("user:anne", "fly", "document:1"))
    asked = [
        ClientBatchCheckItem(user="user:bob", relation="viewer", object="document:1", correlation_id="a"),
        ClientBatchCheckItem(user="user:bob", relation="fly", object="document:1", correlation_id="b"),
        ClientBatchCheckItem(user="user:zoe", relation="viewer", object="document:9", correlation_id="c",
                             contextual_tuples=own),
    ]  # fmt: skip
    batch = await j.call("batch_check", "batch_check", ClientBatchCheckRequest(checks=asked))
    j.notes["batch_check"] = sorted(
        (one.correlation_id, one.allowed, one.error and str(one.error.input_error))
        for one in batch.result
    )
    many = [_check("user:bob", "viewer", f"document:{n}") for n in range(4)]
    found = await j.call("client_batch_check", "client_batch_check", many)
    j.notes["client_batch_check"] = sorted((one.request.object, one.allowed) for one in found)
    await j.call("expand", "expand", ClientExpandRequest(relation="reader", object="document:3"))
    wrong = ClientExpandRequest(relation="fly", object="document:1")
    await j.call("expand: unknown", "expand", wrong)
    asked_for = ClientListObjectsRequest(user="user:bob", relation="reader", type="document")
    await j.call("list_objects", "list_objects", asked_for)
    await j.stream("streamed_list_objects", "streamed_list_objects", asked_for)
    bad = ClientListObjectsRequest(user="user:bob", relation="reader", type="nothing")
    await j.call("list_objects: unknown", "list_objects", bad)
    relations = ClientListRelationsRequest(
        user="user:anne", relations=["owner", "viewer", "banned"], object="document:1"
    )
    await j.call("list_relations", "list_relations", relations)
    for kind in (UserTypeFilter(type="user"), UserTypeFilter(type="group", relation="member")):
        wanted = ClientListUsersRequest(
            object=FgaObject(type="document", id="1"), relation="viewer",
            user_filters=[kind], context={"x": 1},
        )  # fmt: skip
        await j.call(f"list_users: {kind.type}", "list_users", wanted)
    everyone = ClientListUsersRequest(
        object=FgaObject(type="document", id="2"), relation="viewer",
        user_filters=[UserTypeFilter(type="user")],
    )  # fmt: skip
    await j.call("list_users: everyone", "list_users", everyone)


async def _assertions(j: Journey) -> None:
    await j.call("read_assertions: none", "read_assertions")
    asserted = [
        ClientAssertion("user:anne", "viewer", "document:1", True),
        ClientAssertion("user:zoe", "viewer", "document:1", False),
    ]
    await j.call("write_assertions", "write_assertions", asserted)
    await j.call("read_assertions", "read_assertions")
    wrong = [ClientAssertion("user:anne", "fly", "document:1", True)]
    await j.call("write_assertions: unknown", "write_assertions", wrong)


async def _raw(j: Journey) -> None:
    store = {"store_id": j.client.get_store_id()}
    key = {"user": "user:anne", "relation": "owner", "object": "document:1"}
    answer = j.client.execute_api_request(
        operation_name="Check", method="POST", path="/stores/{store_id}/check",
        path_params=store, body={"tuple_key": key},
    )  # fmt: skip
    answer = await answer if inspect.isawaitable(answer) else answer
    j.notes["execute_api_request"] = [answer.status, plain(answer.json())]
    answer = j.client.execute_streamed_api_request(
        operation_name="StreamedListObjects", method="POST",
        path="/stores/{store_id}/streamed-list-objects", path_params=store,
        body={"type": "document", "relation": "owner", "user": "user:anne"},
    )  # fmt: skip
    if inspect.isawaitable(answer):
        answer = await answer
    found = [line async for line in answer] if hasattr(answer, "__aiter__") else list(answer)
    j.notes["execute_streamed_api_request"] = plain(found)
