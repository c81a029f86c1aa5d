"""Free ports on loopback."""

import socket


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on.

    Another process may take it before the caller does: who starts a server looks whether it came
    up, and asks for another port if it did not.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Return several different free ports: all are held until the last is found."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
