"""A worker of `mandate serve --workers N`, which starts it with two arguments, SOCKET and LIFELINE.

Both are inherited file descriptors: the listening socket, and the read end of a pipe whose other
end the parent holds, so that no worker outlives its parent however that one ends.
"""

import socket
import sys

import uvloop

from server.cli.failure import explain
from server.cli.listening import listen
from server.settings import Settings

READY = "ready"


def main() -> int:
    """Serve until told to end; return the exit code."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    try:
        uvloop.run(listen(Settings(), sock, ready=_ready, lifeline=int(sys.argv[2])))
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        sys.stderr.write(f"mandate: {told[0]}\n")
        return told[1]
    return 0


def _ready() -> None:
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
