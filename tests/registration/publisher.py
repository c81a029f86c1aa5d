"""Metadata documents at a real https origin, changed as a test goes on."""

import contextlib
import json
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tests.outbound.origin import Answer, Authority, Origin, Request, reply, serve
from tests.support.world import CHALLENGE

CALLBACK = "http://127.0.0.1/callback"
HOST = "127.0.0.1"


@dataclass
class Publisher:
    """What is published by path; an `Answer` instead of a document answers by itself."""

    origin: Origin
    documents: dict[str, dict[str, Any] | bytes | Answer] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def url(self, path: str = "/client.json") -> str:
        return self.origin.url(path, HOST)

    def put(self, path: str = "/client.json", **changes: Any) -> str:
        """Publish a good document with changes (None leaves a member out); return its URL."""
        document = {
            "client_id": self.url(path),
            "client_name": "Quill",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            **changes,
        }
        self.documents[path] = {k: v for k, v in document.items() if v is not None}
        return self.url(path)

    def asked(self, path: str = "/client.json") -> int:
        """Return how often a path was asked for."""
        return sum(each.line.split()[1] == path for each in self.origin.requests)

    async def answer(self, request: Request, writer: StreamWriter) -> None:
        found = self.documents.get(request.line.split()[1])
        if found is None:
            await reply(b"{}", "404 Not Found")(request, writer)
        elif callable(found):
            await found(request, writer)
        else:
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            await reply(body, **self.headers)(request, writer)


@contextlib.asynccontextmanager
async def publish(authority: Authority) -> AsyncIterator[Publisher]:
    """Serve until the block ends."""
    async with serve(authority, reply()) as origin:
        made = Publisher(origin)
        origin.answer = made.answer
        yield made


def request(client_id: str, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a good authorization request."""
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "st4te",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in parameters.items() if value is not None}
