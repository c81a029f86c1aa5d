"""Writers of tuples over HTTP, who remember what was acknowledged and what was only sent."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

THREADS = 6
SIZE = 5
"""Tuples of a batch: users of one document of its own."""


class Writers:
    """Write batches until the server is gone; every third request also deletes the one before."""

    def __init__(self, url: str, headers: dict[str, str], name: str, until: int) -> None:
        self.written: set[str] = set()
        """Batches whose write was acknowledged."""
        self.deleted: set[str] = set()
        """Batches whose deletion was acknowledged."""
        self.sent: set[str] = set()
        """Batches whose deletion was sent."""
        self.unexpected: list[str] = []
        self.reached = threading.Event()
        self._url, self._headers, self._name, self._until = url, headers, name, until
        self._lock = threading.Lock()

    def run(self) -> None:
        """Write until every connection fails."""
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._work, range(THREADS)))

    def _work(self, number: int) -> None:
        with httpx2.Client(headers=self._headers, timeout=20, trust_env=False) as http:
            count, before = 0, ""
            while True:
                count += 1
                batch = f"{self._name}-{number}-{count}"
                gone = before if before and count % 3 == 0 else ""
                try:
                    self._one(http, batch, gone)
                except httpx2.TransportError:
                    self.reached.set()
                    return
                before = batch

    def _one(self, http: httpx2.Client, batch: str, gone: str) -> None:
        body: dict[str, Any] = {"writes": {"tuple_keys": keys(batch)}}
        if gone:
            body["deletes"] = {"tuple_keys": keys(gone)}
            with self._lock:
                self.sent.add(gone)
        answer = http.post(f"{self._url}/write", json=body)
        with self._lock:
            if answer.status_code != 200:
                self.unexpected.append(answer.text)
                return
            self.written.add(batch)
            if gone:
                self.deleted.add(gone)
            if len(self.written) >= self._until:
                self.reached.set()


def keys(batch: str) -> list[dict[str, str]]:
    """Return the tuples of a batch."""
    return [
        {"user": f"user:{number}", "relation": "viewer", "object": f"document:{batch}"}
        for number in range(SIZE)
    ]
