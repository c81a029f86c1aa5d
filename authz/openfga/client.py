"""The calls of a remote OpenFGA server, through `openfga-sdk`; each answer is checked strictly.

Each decision is asked for with HIGHER_CONSISTENCY and under a named model, so that it depends
neither on a cache of theirs nor on which model is the latest.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
import orjson
from openfga_sdk.client import ClientConfiguration, OpenFgaClient
from openfga_sdk.configuration import RetryParams
from openfga_sdk.credentials import CredentialConfiguration, Credentials
from openfga_sdk.exceptions import ApiException, OpenApiException

from authz.engine.conditions import Context
from authz.engine.query import Query
from authz.errors import CheckError
from authz.model.subject import TupleKey, parse_object, parse_relation, parse_user
from authz.openfga.failure import Fault, RemoteFailure
from authz.openfga.place import RemotePlace
from authz.stores.protocol import NewTuple

# Their debug lines quote whole answers, tokens included.
logging.getLogger("openfga_sdk").setLevel(logging.INFO)

BATCH: Final = 50
"""Checks of one request: the default bound of an OpenFGA server."""
PAGE: Final = 100
WRITE_SECONDS: Final = 10.0
"""For one write, and for one page of a transfer."""
_FAULTS: Final = {
    401: Fault.CREDENTIALS,
    403: Fault.CREDENTIALS,
    404: Fault.STORE,
    429: Fault.BUSY,
}
_CODES: Final = {
    "store_id_not_found": Fault.STORE,
    "store_id_invalid_length": Fault.STORE,
    "authorization_model_not_found": Fault.MODEL,
    "latest_authorization_model_not_found": Fault.MODEL,
    "authorization_model_id_not_found": Fault.MODEL,
}


class OpenFga:
    """One store of one server. Made on the running loop; `close` at the end.

    Every method raises RemoteFailure.
    """

    def __init__(self, place: RemotePlace) -> None:
        self.place = place
        self._seconds = place.timeout_ms / 1000
        self._sdk = OpenFgaClient(
            ClientConfiguration(
                api_url=place.url,
                store_id=place.store,
                credentials=_credentials(place),
                # The deadline is ours; a retry of theirs would only eat it.
                retry_params=RetryParams(max_retry=0),  # type: ignore[no-untyped-call]
                timeout_millisec=int(WRITE_SECONDS * 1000),
                ssl_ca_cert=None if place.ca_file is None else str(place.ca_file),
            )
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._sdk.close()  # type: ignore[no-untyped-call]

    async def check_many(self, model: str, queries: Sequence[Query]) -> list[bool | CheckError]:
        """Answer queries in their order; what is no question at all is not sent."""
        answers: list[bool | CheckError] = [_form(query) or False for query in queries]
        sent = [number for number, answer in enumerate(answers) if answer is False]
        parts = [sent[start : start + BATCH] for start in range(0, len(sent), BATCH)]
        try:
            async with asyncio.timeout(self._seconds):
                found = await asyncio.gather(
                    *(self._check(model, {n: queries[n] for n in part}) for part in parts)
                )
        except TimeoutError:
            raise RemoteFailure(Fault.TIMEOUT) from None
        for part in found:
            for number, answer in part.items():
                answers[number] = answer
        return answers

    async def list_objects(
        self, model: str, user: str, relation: str, type: str, context: Context | None = None
    ) -> list[str]:
        """Return objects, as many as that server lists."""
        body: dict[str, Any] = {
            "user": user, "relation": relation, "type": type,
            "authorization_model_id": model, "consistency": "HIGHER_CONSISTENCY",
        }  # fmt: skip
        if context:
            body["context"] = dict(context)
        found = (await self._call("POST", "list-objects", body, self._seconds)).get("objects")
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise RemoteFailure(Fault.MALFORMED)
        return found

    async def write(
        self, model: str, writes: Sequence[NewTuple], deletes: Sequence[TupleKey]
    ) -> None:
        """Apply both, all or nothing; what is there, or gone, already is no error."""
        body: dict[str, Any] = {"authorization_model_id": model}
        if writes:
            body["writes"] = {"tuple_keys": [_tuple(new) for new in writes]}
            body["writes"]["on_duplicate"] = "ignore"
        if deletes:
            body["deletes"] = {"tuple_keys": [_key(key) for key in deletes]}
            body["deletes"]["on_missing"] = "ignore"
        await self._call("POST", "write", body, WRITE_SECONDS)

    async def delete(self, model: str, gone: Sequence[tuple[str, str, str]]) -> None:
        """Delete tuples by user, relation and object, which need not be names of ours."""
        keys = [dict(zip(("user", "relation", "object"), one, strict=True)) for one in gone]
        body = {"deletes": {"tuple_keys": keys, "on_missing": "ignore"}}
        await self._call("POST", "write", {**body, "authorization_model_id": model}, WRITE_SECONDS)

    async def read(self, token: str = "") -> tuple[list[Mapping[str, Any]], str]:
        """Return a page of the whole store as their API has it, and the token of the next."""
        body: dict[str, Any] = {"page_size": PAGE, "consistency": "HIGHER_CONSISTENCY"}
        if token:
            body["continuation_token"] = token
        return _page(await self._call("POST", "read", body, WRITE_SECONDS), "tuples")

    async def models(self, token: str = "") -> tuple[list[Mapping[str, Any]], str]:
        """Return a page of models, the newest first, and the token of the next."""
        asked = {"page_size": "50", **({"continuation_token": token} if token else {})}
        answer = await self._call("GET", "authorization-models", None, WRITE_SECONDS, asked)
        return _page(answer, "authorization_models")

    async def model(self, model: str) -> Mapping[str, Any]:
        """Return one model as their API has it; a fault MODEL if there is none."""
        path = f"authorization-models/{model}"
        found = (await self._call("GET", path, None, WRITE_SECONDS)).get("authorization_model")
        if not isinstance(found, dict):
            raise RemoteFailure(Fault.MALFORMED)
        return found

    async def add_model(self, body: Mapping[str, Any]) -> str:
        """Write a model and return its id."""
        answer = await self._call("POST", "authorization-models", dict(body), WRITE_SECONDS)
        made = answer.get("authorization_model_id")
        if not isinstance(made, str) or not made:
            raise RemoteFailure(Fault.MALFORMED)
        return made

    async def probe(self) -> None:
        """Return if the store is there and we may ask it."""
        body = {"page_size": 1}
        await self._call("POST", "read", body, self._seconds)

    async def _check(self, model: str, asked: Mapping[int, Query]) -> dict[int, bool | CheckError]:
        checks = [_check_body(number, query) for number, query in asked.items()]
        body = {
            "checks": checks, "authorization_model_id": model,
            "consistency": "HIGHER_CONSISTENCY",
        }  # fmt: skip
        found = (await self._call("POST", "batch-check", body, self._seconds)).get("result")
        if not isinstance(found, dict) or found.keys() != {str(number) for number in asked}:
            raise RemoteFailure(Fault.MALFORMED)
        return {number: _verdict(found[str(number)]) for number in asked}

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        seconds: float,
        query: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._sdk.execute_api_request(
                    operation_name="Mandate",
                    method=method,
                    path=f"/stores/{{store_id}}/{path}",
                    path_params={"store_id": self.place.store},
                    body=body,
                    query_params=query,
                )
        except TimeoutError:
            raise RemoteFailure(Fault.TIMEOUT) from None
        except ApiException as error:
            raise _failure(error) from None
        except aiohttp.ClientConnectorError:
            raise RemoteFailure(Fault.UNREACHABLE) from None
        except (aiohttp.ClientError, OSError):
            # The connection was there: what went over it may have arrived.
            raise RemoteFailure(Fault.UNREACHABLE, unclear=True) from None
        except (OpenApiException, ValueError, LookupError, AttributeError) as error:
            # What they raise on an answer that is none. Their telemetry stumbles over some errors
            # of OpenFGA (409, say) while it counts them.
            told = error.__context__
            if isinstance(told, ApiException):
                raise _failure(told) from None
            raise RemoteFailure(Fault.MALFORMED) from None
        if not isinstance(answer.body, dict):
            raise RemoteFailure(Fault.MALFORMED)
        return answer.body


def _credentials(place: RemotePlace) -> Credentials:
    if place.client is not None:
        return Credentials(
            method="client_credentials",
            configuration=CredentialConfiguration(
                client_id=place.client.client_id,
                client_secret=place.client.secret,
                api_issuer=place.client.issuer,
                api_audience=place.client.audience or None,
                scopes=place.client.scope or None,
            ),
        )
    if place.token:
        given = CredentialConfiguration(api_token=place.token)
        return Credentials(method="api_token", configuration=given)
    return Credentials()


def _form(query: Query) -> CheckError | None:
    """Refuse what has not the form of a question: there it would spoil its whole batch."""
    try:
        parse_object(query.object)
        parse_user(query.user)
        parse_relation(query.relation)
    except CheckError as error:
        return error
    return None


def _check_body(number: int, query: Query) -> dict[str, Any]:
    key = {"user": query.user, "relation": query.relation, "object": query.object}
    body: dict[str, Any] = {"tuple_key": key, "correlation_id": str(number)}
    if query.context:
        body["context"] = dict(query.context)
    return body


def _verdict(answer: object) -> bool | CheckError:
    if not isinstance(answer, dict):
        raise RemoteFailure(Fault.MALFORMED)
    error = answer.get("error")
    if error is not None:
        code = error.get("input_error") if isinstance(error, dict) else None
        if not isinstance(code, str):
            # Theirs, not the question's: it ran into a limit of time or load.
            raise RemoteFailure(Fault.FAILED)
        return CheckError(code)
    allowed = answer.get("allowed")
    if not isinstance(allowed, bool):
        raise RemoteFailure(Fault.MALFORMED)
    return allowed


def _key(key: TupleKey) -> dict[str, Any]:
    return {"user": key.user, "relation": key.relation, "object": key.object}


def _tuple(new: NewTuple) -> dict[str, Any]:
    body = _key(new.key)
    if new.condition:
        context = orjson.loads(new.context) if new.context else {}
        body["condition"] = {"name": new.condition, "context": context}
    return body


def _page(answer: Mapping[str, Any], name: str) -> tuple[list[Mapping[str, Any]], str]:
    found, token = answer.get(name), answer.get("continuation_token")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise RemoteFailure(Fault.MALFORMED)
    if not isinstance(token, str):
        raise RemoteFailure(Fault.MALFORMED)
    return found, token


def _failure(error: ApiException) -> RemoteFailure:
    body = _body(error)
    code = _word(
        getattr(getattr(error, "parsed_exception", None), "code", None) or body.get("code")
    )
    status = error.status if isinstance(error.status, int) else 0
    if "error" in body and not code and status < 500:
        # The issuer of our tokens speaks so (RFC 6749 §5.2), OpenFGA does not.
        return RemoteFailure(Fault.CREDENTIALS, _word(body["error"]))
    if code in _CODES:
        return RemoteFailure(_CODES[code], code)
    if status in _FAULTS:
        return RemoteFailure(_FAULTS[status], code)
    if 400 <= status < 500:
        return RemoteFailure(Fault.REFUSED, code)
    return RemoteFailure(Fault.FAILED if status >= 500 else Fault.CREDENTIALS, code)


def _body(error: ApiException) -> Mapping[str, Any]:
    try:
        found = orjson.loads(error.body) if error.body else None
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _word(told: object) -> str:
    """Return a code of theirs; never a message, which quotes what was sent."""
    code = str(getattr(told, "value", told) or "")
    return code if code.isascii() and code.replace("_", "").isalnum() and len(code) < 80 else ""
