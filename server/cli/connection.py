"""One HTTP connection with bounds that uvicorn leaves to a proxy: none may wait or grow for ever.

RFC 9110 §2.3, §5.4 leave both to the server. Answers: 400 to a head that is too long (as to any
that cannot be read), and an end without words to a request that does not arrive in time.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.cli.one_write import OneWrite

LONGEST_HEAD: Final = 32 * 1024
"""Bytes of the URL and all header fields of a request, trailers included."""
MOST_FIELDS: Final = 100
LONGEST_SILENCE: Final = 2 * LONGEST_HEAD
"""Bytes that may be read without the end of a head or a piece of a body."""
REQUEST_SECONDS: Final = 30.0
"""How long a whole request may take to arrive, and a new connection to send its first."""


class TooLong(Exception):
    """The head of a request exceeds a bound; the parser turns it into an answer."""


class BoundedConnection(HttpToolsProtocol):
    """A connection whose requests are bounded in size and time before anybody reads them."""

    request_seconds = REQUEST_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what uvicorn gives a protocol."""
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._whole = False
        self._silence = 0
        self._head = 0
        self._fields = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._writes = OneWrite(transport, self.loop)
        super().connection_made(self._writes)
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        # The loop closes the transport behind this: a peer that only stops sending still reads.
        self._writes.flush()
        super().eof_received()

    def data_received(self, data: bytes) -> None:
        self._whole = False
        self._silence += len(data)
        super().data_received(data)
        # Most requests come in one piece and never see the timer.
        if not self._whole and self._deadline is None and not self.transport.is_closing():
            self._start_deadline()
        if self._silence > LONGEST_SILENCE and not self.transport.is_closing():
            self.send_400_response("Request header fields too large.")

    def on_message_begin(self) -> None:
        self._whole = False
        self._head = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._grow(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._silence = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._silence = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._silence = 0
        self._whole = True
        self._end_deadline()
        super().on_message_complete()

    def _grow(self, count: int) -> None:
        self._head += count
        if self._head > LONGEST_HEAD or self._fields > MOST_FIELDS:
            raise TooLong

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.request_seconds, self._too_late)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        # Not `close`: that would wait for a peer that does not read either.
        self.transport.abort()
