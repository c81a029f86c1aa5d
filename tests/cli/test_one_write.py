"""Head and body of an answer leave in one system call, and nothing that was written is lost."""

import asyncio
from typing import Any

from server.cli.one_write import OneWrite


class Wire(asyncio.Transport):
    """Keeps what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []
        self.gone = False

    def is_closing(self) -> bool:
        return self.gone

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("close")

    def abort(self) -> None:
        self.told.append("abort")


async def _turn() -> None:
    await asyncio.sleep(0)


async def test_what_is_written_in_one_turn_of_the_loop_goes_out_at_once() -> None:
    wire = Wire()
    transport = OneWrite(wire, asyncio.get_running_loop())

    transport.write(b"head")
    transport.write(b"body")
    assert wire.told == []
    await _turn()
    transport.write(b"next")
    await _turn()

    assert wire.told == [b"headbody", b"next"]


async def test_closing_sends_what_was_written_before() -> None:
    wire = Wire()
    transport = OneWrite(wire, asyncio.get_running_loop())

    transport.write(b"last words")
    transport.close()
    await _turn()

    assert wire.told == [b"last words", "close"]


async def test_aborting_does_not_wait_for_a_peer_that_does_not_read() -> None:
    wire = Wire()
    transport = OneWrite(wire, asyncio.get_running_loop())

    transport.write(b"never read")
    transport.abort()
    await _turn()

    assert wire.told == ["abort"]


async def test_nothing_is_sent_to_a_peer_that_is_gone() -> None:
    wire = Wire()
    transport = OneWrite(wire, asyncio.get_running_loop())

    transport.write(b"never sent")
    wire.gone = True
    await _turn()

    assert wire.told == []


async def test_what_is_large_is_not_held_so_that_a_slow_reader_can_stop_it() -> None:
    wire = Wire()
    transport = OneWrite(wire, asyncio.get_running_loop())

    transport.write(b"x" * 70_000)
    transport.write(b"tail")

    assert wire.told == [b"x" * 70_000]
    await _turn()
    assert wire.told == [b"x" * 70_000, b"tail"]
