"""An OpenFGA server that is away, wrong, slow or talks nonsense: every decision denies, and says why."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from authz.engine.query import Query
from authz.openfga.client import OpenFga
from authz.openfga.failure import Fault, RemoteFailure
from authz.openfga.place import RemotePlace
from authz.openfga.shipper import run_shipper
from server.cli.failure import explain
from tests.protocol.test_decision import at_docs, question
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases, SqliteDatabases
from tests.support.openfga import openfga_on_file
from tests.support.ports import free_port
from tests.support.processes import ServerProcess
from tests.support.remote import new_store, pushed, remote_world, shipper_of, ships_by_itself
from tests.support.stage import set_stage
from tests.support.world import prepared

pytestmark = pytest.mark.openfga

ASKED = Query("user:anne", "viewer", "document:plan")
STORE, MODEL = "01JABCDEFGHJKMNPQRSTVWXYZ0", "01JABCDEFGHJKMNPQRSTVWXYZ1"
SECRET = "s3cret-preshared-key-of-a-test"


@requirement("mandate:remote:fails-closed", "mandate:remote:deletion-at-once")
async def test_while_openfga_is_away_all_is_denied_and_revoking_goes_on(
    databases: Databases, clock: FrozenClock, program: Path, tmp_path: Path
) -> None:
    url = databases.copy_of("prepared", prepared)
    process = openfga_on_file(program, tmp_path)
    process.start()
    try:
        async with remote_world(url, clock, process.url, new_store(process.url)) as w:
            await pushed(w)
            plain = w.core.graph
            ships_by_itself(w.core, plain, shipper_of(w))
            stage = await set_stage(w)
            token = await at_docs(stage)
            asked = question(token, on=["document:t1"])
            assert (await w.ask(stage.docs, asked))["decision"] is True
            object.__setattr__(w.core, "graph", plain)
            process.kill()
            told = await w.ask(stage.docs, asked)
            assert told["decision"] is False
            assert (told["context"]["reason"], told["context"]["action"]) == (
                "checker_unavailable", "retry",
            )  # fmt: skip
            ready = await w.http.get("/readyz")
            assert (ready.status_code, ready.json()) == (200, {"status": "graph"})
            # What happens meanwhile is acknowledged: a right goes, another one comes.
            await w.unrelate((f"user:{stage.ada.id}", "owner", "folder:tax"))
            await w.relate((f"user:{stage.ada.id}", "owner", "folder:new"))
            answer = await w.post("/revoke", {"token": token}, by=stage.a)
            assert answer.status_code == 200
            again = await at_docs(stage)
            process.start()
            told = await w.ask(stage.docs, question(again, on=["document:t1"]))
            assert told["decision"] is False
            assert told["context"]["reason"] == "user_relation"
            # Nothing of it was lost.
            assert await shipper_of(w).ship() > 0
            owns = [Query(f"user:{stage.ada.id}", "owner", f"folder:{n}") for n in ("tax", "new")]
            assert await w.core.graph.check_many(owns) == [False, True]
            assert (await w.http.get("/readyz")).json() == {"status": "ready"}
    finally:
        if process._process is not None:
            process.kill()


@requirement("mandate:remote:fails-closed", "mandate:remote:only-pushed")
async def test_a_server_starts_while_openfga_is_away_and_asks_only_what_was_pushed(
    sqlite_databases: SqliteDatabases, clock: FrozenClock, openfga: ServerProcess
) -> None:
    url = sqlite_databases.copy_of("prepared", prepared)
    away = f"http://127.0.0.1:{free_port()}"
    async with remote_world(url, clock, away, STORE) as w:
        with pytest.raises(RemoteFailure) as refused:
            await w.core.graph.check_many([ASKED])
        assert refused.value.fault is Fault.NOT_PUSHED
        with pytest.raises(RemoteFailure) as refused:
            await pushed(w)
        assert refused.value.fault is Fault.UNREACHABLE
        assert await shipper_of(w).ship() == 0
    async with remote_world(url, clock, openfga.url, new_store(openfga.url)) as w:
        with pytest.raises(RemoteFailure):
            await w.core.graph.check_many([ASKED])
        assert (await w.http.get("/readyz")).json() == {"status": "graph"}
        # Another store was pushed to: this one was not.
        await pushed(w)
    async with remote_world(url, clock, openfga.url, new_store(openfga.url)) as w:
        with pytest.raises(RemoteFailure):
            await w.core.graph.check_many([ASKED])


@requirement("mandate:remote:fails-closed")
async def test_a_store_a_model_and_a_key_that_are_wrong_are_told_apart(
    program: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with openfga_on_file(program, tmp_path, SECRET) as process:
        store = new_store(process.url, Authorization=f"Bearer {SECRET}")
        for place, model, fault in (
            ({"store": store, "token": "another"}, MODEL, Fault.CREDENTIALS),
            ({"store": store}, MODEL, Fault.CREDENTIALS),
            ({"store": store, "token": SECRET}, MODEL, Fault.MODEL),
            # A store that is not there has no models either: this is how OpenFGA says it.
            ({"store": STORE, "token": SECRET}, MODEL, Fault.MODEL),
        ):
            await _fails(place | {"url": process.url}, model, fault)
    assert SECRET not in caplog.text


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _says(status: int, body: bytes, kind: str = "application/json") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    return answer


async def _hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _hangs(writer: asyncio.StreamWriter) -> None:
    """Say nothing; the connection stays until the client has enough."""


def _yes(**one: Any) -> bytes:
    return orjson.dumps({"result": {"0": {"allowed": True, **one}}})


@requirement("mandate:remote:fails-closed")
@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_hangs_up, Fault.UNREACHABLE),
        (_hangs, Fault.TIMEOUT),
        (_says(429, b'{"code":"rate_limit_exceeded","message":"slow"}'), Fault.BUSY),
        (_says(500, b'{"code":"internal_error","message":"x"}'), Fault.FAILED),
        (_says(503, b"<html>gone</html>", "text/html"), Fault.FAILED),
        (_says(401, b'{"code":"unauthenticated","message":"x"}'), Fault.CREDENTIALS),
        (_says(404, b'{"code":"store_id_not_found","message":"x"}'), Fault.STORE),
        (_says(400, b'{"code":"validation_error","message":"x"}'), Fault.REFUSED),
        (_says(409, b'{"code":"Aborted","message":"x"}'), Fault.REFUSED),
        (_says(200, b"<html>hello</html>", "text/html"), Fault.MALFORMED),
        (_says(200, b""), Fault.MALFORMED),
        (_says(200, b"[]"), Fault.MALFORMED),
        (_says(200, b"null"), Fault.MALFORMED),
        (_says(200, b'{"result":{}}'), Fault.MALFORMED),
        (_says(200, b'{"result":{"1":{"allowed":true}}}'), Fault.MALFORMED),
        (_says(200, b'{"result":{"0":{"allowed":"true"}}}'), Fault.MALFORMED),
        (_says(200, b'{"result":{"0":{"allowed":1}}}'), Fault.MALFORMED),
        (_says(200, b'{"result":{"0":true}}'), Fault.MALFORMED),
        (_says(200, _yes() + b"trailing"), Fault.MALFORMED),
        (_says(200, b"\xff\xfe"), Fault.MALFORMED),
        (_says(200, _yes(error={"internal_error": "deadline_exceeded"})), Fault.FAILED),
    ],
)  # fmt: skip
async def test_nonsense_is_no_yes(answer: Answer, fault: Fault) -> None:
    async with _talking(answer) as url:
        await _fails({"url": url, "store": STORE, "timeout_ms": 300}, MODEL, fault)


@requirement("mandate:remote:fails-closed")
async def test_the_shipper_survives_and_goes_on(
    sqlite_databases: SqliteDatabases, clock: FrozenClock, openfga: ServerProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = sqlite_databases.copy_of("prepared", prepared)
    async with remote_world(url, clock, openfga.url, new_store(openfga.url)) as w:
        await pushed(w)
        shipper, stop = shipper_of(w), asyncio.Event()
        monkeypatch.setattr("authz.openfga.shipper.INTERVAL", 0.001)
        failures = [RemoteFailure(Fault.TIMEOUT), RuntimeError("a mistake of ours")]
        told: list[Fault] = []
        shipped, ship = asyncio.Event(), shipper.ship

        async def failing() -> int:
            if failures:
                raise failures.pop(0)
            done = await ship()
            if done:
                shipped.set()
            return done

        monkeypatch.setattr(shipper, "ship", failing)
        await w.resource()
        await w.relate(("user:anne", "owner", "folder:plan"))
        running = asyncio.create_task(run_shipper(shipper, told.append, stop))
        await asyncio.wait_for(shipped.wait(), 30)
        stop.set()
        await asyncio.wait_for(running, 30)
        assert told == [Fault.TIMEOUT]
        assert await w.core.graph.check_many([Query("user:anne", "viewer", "folder:plan")]) == [
            True
        ]


def test_a_server_without_the_client_says_what_to_install() -> None:
    line, code = explain(ModuleNotFoundError("No module", name="openfga_sdk")) or ("", 0)
    assert "mandate-server[openfga]" in line
    assert code == 1


async def _fails(place: dict[str, Any], model: str, fault: Fault) -> None:
    remote = OpenFga(RemotePlace(**place))
    try:
        with pytest.raises(RemoteFailure) as refused:
            await remote.check_many(model, [ASKED])
    finally:
        await remote.close()
    assert refused.value.fault is fault, str(refused.value)


@asynccontextmanager
async def _talking(answer: Answer) -> AsyncIterator[str]:
    """Listen on loopback and answer each request the same."""

    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())  # type: ignore[arg-type]
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        await answer(writer)
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*talks, return_exceptions=True)
