"""OAuth clients of the story: the chat application, Ana's own app, agents, the documents server."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import httpx2

from examples.demo.outcome import Outcome, of_evaluation, of_token_endpoint
from examples.demo.tools import RULES, Told, call_as_agent
from examples.demo.wire import Wire
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.exchange_auth import TokenExchangeAuth

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclass
class OAuthClient:
    """A confidential client that authenticates with `client_secret_basic`."""

    wire: Wire
    issuer: str
    client_id: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        self._http = self.wire.client(
            auth=httpx2.BasicAuth(quote_plus(self.client_id), quote_plus(self.secret))
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def token(self, form: Mapping[str, str], *, worker: str = "") -> Outcome:
        """Ask the token endpoint, of one worker or of the issuer."""
        return of_token_endpoint(await self._post(worker, "/token", form))

    async def introspect(self, token: str, *, worker: str = "") -> str:
        """Return `active` or `inactive` (RFC 7662)."""
        answer = await self._post(worker, "/introspect", {"token": token})
        return "active" if answer.json().get("active") is True else "inactive"

    async def post_json(self, path: str, body: object, *, worker: str = "") -> httpx2.Response:
        """Post JSON to one of Mandate's APIs."""
        return await self._http.post(f"{worker or self.issuer}{path}", json=body)

    async def _post(self, worker: str, path: str, form: Mapping[str, str]) -> httpx2.Response:
        return await self._http.post(f"{worker or self.issuer}{path}", data=dict(form))


@dataclass(frozen=True)
class Asked:
    """An authorization request on its way; `url` is where the user's browser goes."""

    url: str
    state: str
    verifier: str


@dataclass
class App(OAuthClient):
    """An application at which people sign in: authorization code, PKCE, pushed requests."""

    redirect_uri: str = ""

    async def ask(self, **parameters: str) -> Asked:
        """Push an authorization request (RFC 9126, RFC 7636)."""
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        digest = hashlib.sha256(verifier.encode()).digest()
        form = {
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **parameters,
        }
        answer = await self._post("", "/par", form)
        if answer.status_code != 201:
            raise LookupError(f"the request was not taken: {answer.text}")
        query = urlencode(
            {"client_id": self.client_id, "request_uri": answer.json()["request_uri"]}
        )
        return Asked(f"{self.issuer}/authorize?{query}", state, verifier)

    def code(self, asked: Asked, landed: str) -> str:
        """Return the code that the browser brought back, or the error (RFC 9207: `iss`)."""
        if not landed.startswith(f"{self.redirect_uri}?"):
            raise LookupError(f"the browser did not come back, it is at {landed}")
        answer = {name: values[0] for name, values in parse_qs(urlsplit(landed).query).items()}
        if answer.get("state") != asked.state or answer.get("iss") != self.issuer:
            raise LookupError("an answer to something else")
        return answer.get("code") or answer["error"]

    async def redeem(self, asked: Asked, code: str) -> Outcome:
        """Trade the code for tokens."""
        return await self.token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": asked.verifier,
            }
        )


@dataclass
class Agent(OAuthClient):
    """An agent's client; `agent_id` is who acts through it."""

    agent_id: str = ""
    name: str = ""

    @property
    def uri(self) -> str:
        """Return the agent's URI: the audience of tokens that are meant for it."""
        return f"{self.issuer}/agents/{self.agent_id}"

    async def actor_token(self) -> str:
        """Get the token that says who is acting (client_credentials)."""
        answer = await self.token({"grant_type": "client_credentials"})
        return str(answer.value["access_token"])

    async def exchange(self, *, worker: str = "", **form: str) -> Outcome:
        """Exchange by hand, parameter by parameter: what attacks are made of (RFC 8693 §2.1)."""
        full = {"grant_type": EXCHANGE, **form}
        for name in ("subject_token", "actor_token"):
            if name in full:
                full[f"{name}_type"] = ACCESS_TOKEN
        return await self.token(full, worker=worker)

    def acting(self, subject_token: str, resource: str, scope: str) -> "Errand":
        """Begin an errand for whoever the subject token speaks of."""
        kind: type[TokenExchangeAuth] = Told if self.wire.verbose else TokenExchangeAuth
        auth = kind(
            issuer=self.issuer,
            credentials=ClientSecret(self.client_id, self.secret),
            subject_token=subject_token,
            resource=resource,
            scope=scope,
            http=self.wire.client(),
        )
        if isinstance(auth, Told):
            auth.wire = self.wire
        return Errand(auth)


@dataclass
class Errand:
    """An agent at work at one MCP server, by `mcp_tools.client.TokenExchangeAuth`."""

    auth: TokenExchangeAuth

    async def call(self, tool: str, **arguments: Any) -> Outcome:
        """Call a tool."""
        return await call_as_agent(self.auth, tool, arguments)

    async def token(self) -> str:
        """Return the bytes of the access token that it holds."""
        return (await self.auth.token()).value

    async def hand_over(
        self, agent: Agent, scope: str, details: Sequence[object] | None = None
    ) -> str:
        """Make the ticket by which another agent goes on."""
        return (await self.auth.hand_over(agent.uri, scope, details)).value


@dataclass
class DocumentsServer(OAuthClient):
    """The documents server's own client: asks for decisions and writes tuples."""

    async def evaluate(
        self, token: str, tool: str, *, worker: str = "", **arguments: str
    ) -> Outcome:
        """Ask Mandate what it asks before a tool runs; the answer has the true reason."""
        rule = RULES[tool]
        question = {
            "subject": {"type": "access_token", "id": token},
            "action": {
                "name": rule.scope,
                "properties": {"tool": tool, "relation": rule.relation, "principal": "user"},
            },
            "resource": {"type": rule.type, "id": arguments[rule.argument]},
        }
        return of_evaluation(await self.post_json("/access/v1/evaluation", question, worker=worker))

    async def write(
        self, writes: Sequence[tuple[str, str, str]], deletes: Sequence[tuple[str, str, str]]
    ) -> str:
        """Write and delete tuples of its own types."""
        answer = await self.post_json(
            "/access/v1/relations",
            {"writes": [_tuple(*each) for each in writes],
             "deletes": [_tuple(*each) for each in deletes]},
        )  # fmt: skip
        return "allowed" if answer.status_code == 200 else answer.text


def _tuple(user: str, relation: str, name: str) -> dict[str, str]:
    return {"user": user, "relation": relation, "object": name}


def claims(token: str) -> dict[str, Any]:
    """Read a token's claims without checking anything, to show them."""
    payload = token.split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found if isinstance(found, dict) else {}


def chain(token: str) -> list[str]:
    """Return the actor chain of a token, the current actor first."""
    found: list[str] = []
    act = claims(token).get("act")
    while isinstance(act, dict):
        found.append(str(act["sub"]))
        act = act.get("act")
    return found
