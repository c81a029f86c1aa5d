"""What a stranger sends before any of our routes sees it: bounded in size and in time."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
import uvloop

from server.cli.connection import LONGEST_HEAD, LONGEST_SILENCE, MOST_FIELDS, BoundedConnection
from server.cli.listening import bind


async def _app(scope, receive, send):
    """Answer with the length of the body."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


class _Hasty(BoundedConnection):
    request_seconds = 1.0


class _Quiet(uvicorn.Server):
    @asynccontextmanager
    async def open(self, sock) -> AsyncIterator[None]:
        await self.startup([sock])
        self.server_state.default_headers = []
        try:
            yield
        finally:
            await self.shutdown([sock])


@asynccontextmanager
async def _served(protocol: type[BoundedConnection] = BoundedConnection):
    config = uvicorn.Config(
        _app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False,
        timeout_graceful_shutdown=1, timeout_keep_alive=1,
    )  # fmt: skip
    config.load()
    server = _Quiet(config)
    server.lifespan = config.lifespan_class(config)
    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with server.open(sock):
        yield port


async def _answer(port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def _head(*fields: bytes, url: bytes = b"/") -> bytes:
    lines = [b"GET " + url + b" HTTP/1.1", b"Host: a", b"Connection: close", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def test_a_usual_request_and_a_large_body_pass():
    async with _served() as port:
        assert (await _answer(port, _head())).startswith(b"HTTP/1.1 200")
        assert (await _answer(port, _head(b"Cookie: " + b"c" * 8000))).startswith(b"HTTP/1.1 200")
        body = b"x" * (LONGEST_SILENCE * 4)
        length = b"Content-Length: " + str(len(body)).encode()
        answer = await _answer(port, _head(length), body)
        assert b"\r\n" + str(len(body)).encode() + b"\r\n" in answer


def test_who_stops_sending_after_the_request_still_reads_the_answer():
    def ask(port: int) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", port))
        # Without giving way: the server finds request and end together.
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        return sock

    async def scenario() -> list[bytes]:
        async with _served() as port:
            answers = []
            for _ in range(10):
                with ask(port) as sock:
                    answers.append(await asyncio.to_thread(sock.recv, 4096))
            return answers

    # On the loop that `mandate serve` uses: loops differ in when they close such a connection.
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in uvloop.run(scenario()))


@pytest.mark.parametrize(
    "head",
    [
        _head(b"X: " + b"x" * LONGEST_HEAD),
        _head(*(b"X: %d" % number for number in range(MOST_FIELDS))),
        _head(url=b"/?" + b"q" * LONGEST_HEAD),
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * (LONGEST_SILENCE + 1),
        b"GET /" + b"x" * (LONGEST_SILENCE + 1),
        b"nonsense\r\n\r\n",
        _head(b"Transfer-Encoding: chunked", b"Content-Length: 3"),
        _head(url="/ä".encode()),
    ],
    ids=["field", "fields", "url", "endless field", "endless url", "nonsense", "both", "not ascii"],
)
async def test_a_head_that_is_too_long_or_wrong_is_answered_once(head: bytes):
    async with _served() as port:
        answer = await _answer(port, head)
        assert answer.startswith(b"HTTP/1.1 400") or answer == b""
        assert answer.count(b"HTTP/1.1") <= 1
        # The next one is served as ever.
        assert (await _answer(port, _head())).startswith(b"HTTP/1.1 200")


async def test_endless_trailers_are_cut_off():
    chunked = _head(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n"
    async with _served() as port:
        many = [b"X: %d\r\n" % number for number in range(MOST_FIELDS + 1)]
        for rest in (many, [b"X: " + b"x" * (8 * LONGEST_SILENCE)]):
            answer = await _answer(port, chunked, *rest)
            assert b" 200 " not in answer


@pytest.mark.parametrize(
    ("pieces", "answers"),
    [
        ((), 0),
        ((b"GET / HT",), 0),
        ((b"GET / HTTP/1.1\r\nHost: a\r\nX: ",), 0),
        ((b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", b"only"), 0),
        ((b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HT"), 1),
        ((b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",), 1),
    ],
    ids=["nothing", "line", "fields", "body", "second request", "empty line"],
)
async def test_who_does_not_finish_a_request_is_let_go(pieces: tuple[bytes, ...], answers: int):
    async with _served(_Hasty) as port:
        assert (await _answer(port, *pieces)).count(b"HTTP/1.1 200") == answers
