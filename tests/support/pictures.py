"""A small picture that a browser really shows."""

import struct
import zlib
from typing import Final

EXAMPLE_LOGO: Final = f"/client-logo/{'0' * 64}"
"""Where the examples of pages have it."""


def png(side: int = 32, colour: tuple[int, int, int] = (15, 110, 90)) -> bytes:
    """Return a square of one colour with a hole in it."""
    hole = range(side // 3, side - side // 3)
    rows = b"".join(
        b"\0" + b"".join(
            bytes((*colour, 0 if x in hole and y in hole else 255)) for x in range(side)
        )
        for y in range(side)
    )  # fmt: skip
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
