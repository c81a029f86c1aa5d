"""A load of every state-changing call, which remembers exactly what the server acknowledged."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx2
import jwt

from tests.support.stage import Stage
from tests.support.world import VERIFIER, Party

THREADS = 8


@dataclass
class Acknowledged:
    """What was answered with success before the server died."""

    tokens: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    evaluations: set[str] = field(default_factory=set)
    tuples: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        """Count all of them."""
        parts = (self.tokens, self.codes, self.revoked, self.evaluations, self.tuples)
        return sum(map(len, parts))


class Load:
    """Threads that call until the server is gone; `reached` is set after `until` answers."""

    def __init__(self, url: str, stage: Stage, plain: Party, codes: list[str], until: int) -> None:
        self.acknowledged = Acknowledged()
        self.reached = threading.Event()
        self.unexpected: list[str] = []
        self._url, self._stage, self._plain, self._until = url, stage, plain, until
        self._codes = iter(codes)
        self._lock = threading.Lock()

    def run(self) -> None:
        """Call until every connection fails."""
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._work, range(THREADS)))

    def _work(self, number: int) -> None:
        with httpx2.Client(base_url=self._url, timeout=20) as http:
            count = 0
            while True:
                count += 1
                try:
                    self._one(http, f"{number}-{count}")
                except httpx2.TransportError:
                    self.reached.set()
                    return
                except StopIteration:
                    return

    def _one(self, http: httpx2.Client, name: str) -> None:
        a, docs = self._stage.a, self._stage.docs
        own = self._token(http, a, {"grant_type": "client_credentials"})
        with self._lock:
            code = next(self._codes)
        answer = self._post(
            http,
            self._plain,
            "/token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "code_verifier": VERIFIER,
                "redirect_uri": "https://app.example/cb",
            },
        )
        if answer is not None:
            self._note(self.acknowledged.codes, code)
            self._note(self.acknowledged.tokens, _jti(answer.json()["access_token"]))
        asked = http.post(
            "/access/v1/evaluation",
            json={
                "subject": {"type": "access_token", "id": own or "x"},
                "action": {"name": "docs:read"},
            },
            headers=docs.basic,
        )
        if asked.status_code == 200:
            evaluation = asked.json()["context"]["evaluation_id"]
            self._note(self.acknowledged.evaluations, evaluation)
        made = http.post(
            "/access/v1/relations",
            json={
                "writes": [
                    {"user": "folder:tax", "relation": "parent", "object": f"document:{name}"}
                ]
            },
            headers=docs.basic,
        )
        if made.status_code == 200:
            self._note(self.acknowledged.tuples, f"document:{name}")
        if own is not None and self._post(http, a, "/revoke", {"token": own}) is not None:
            self._note(self.acknowledged.revoked, _jti(own))

    def _token(self, http: httpx2.Client, by: Party, data: dict[str, str]) -> str | None:
        answer = self._post(http, by, "/token", data)
        if answer is None:
            return None
        token = str(answer.json()["access_token"])
        self._note(self.acknowledged.tokens, _jti(token))
        return token

    def _post(
        self, http: httpx2.Client, by: Party, path: str, data: dict[str, str]
    ) -> httpx2.Response | None:
        answer = http.post(path, data=data, headers=by.basic)
        if answer.status_code == 200:
            return answer
        self.unexpected.append(f"{path} {answer.status_code} {answer.text[:200]}")
        return None

    def _note(self, where: set[str], what: str) -> None:
        with self._lock:
            where.add(what)
            if len(self.acknowledged) >= self._until:
                self.reached.set()


def _jti(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["jti"])
