"""`AgentAuth`: an `httpx2.Auth` by which an agent calls one MCP server as itself, for nobody.

auth = AgentAuth(issuer=ISSUER, credentials=ClientSecret(ID, SECRET),
                 resource=MCP_URL, scope="docs:read")
async with connect(auth) as mcp:
    await mcp.call_tool("reindex", {})
"""

import httpx2

from authz.clock import Clock
from mcp_tools.client.challenged import metadata_hint, missing_scope
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.errors import WrongServer
from mcp_tools.client.find import protected_resource
from mcp_tools.client.resource_auth import ResourceAuth
from mcp_tools.client.token_endpoint import Token, agent_token


class AgentAuth(ResourceAuth):
    """Obtains the agent's own token for one MCP server (RFC 6749 §4.4), and uses it until it ends.

    `issuer` is where the client is registered: a server that names another authorization server is
    not believed, so the credentials go to no other. Without `scope` Mandate gives the resource's
    default. `step_up` names further scopes that may be asked for when the server wants them (403
    `insufficient_scope`), once a request; what it does not name is reported and never asked for.
    With `dpop` the token is bound to that key and sent with a proof of it (RFC 9449).
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        resource: str,
        scope: str | None = None,
        step_up: str = "",
        dpop: DPoPKey | None = None,
        http: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            issuer=issuer,
            credentials=credentials,
            resource=resource,
            dpop=dpop,
            http=http,
            clock=clock,
        )
        self.scope = scope
        self._step_up = frozenset(step_up.split())
        self._named = resource
        self._hint: str | None = None

    async def _obtain(self) -> Token:
        endpoint = await self._endpoint()
        return await agent_token(endpoint, resource=self._named, scope=self.scope)

    async def _find(self) -> str:
        hint, self._hint = self._hint, None
        self._named, servers = await protected_resource(self._http, self.resource, hint)
        if self.issuer not in servers:
            raise WrongServer(f"{self.resource} names another authorization server")
        return await super()._find()

    def _looks_first(self) -> bool:
        return self._found is None

    def _looked(self, challenge: httpx2.Response) -> None:
        # Where the metadata is (RFC 9728 §5.1).
        self._hint = metadata_hint(challenge.headers)

    async def _wider(self, token: Token, response: httpx2.Response) -> Token | None:
        """Ask for what the token has and what was wanted besides; kept for what follows."""
        told = missing_scope(response, token.scope)
        if told is None or not told.missing:
            return None
        if not self._step_up.issuperset(told.missing.split()):
            return None
        if self._forget(token):
            held = token.scope.split()
            self.scope = " ".join([*held, *(s for s in told.needed.split() if s not in held)])
        return await self.token()
