"""Our `httpx2.Auth` for programs on the older `httpx`, such as those on `mcp` 1.x."""

from collections.abc import AsyncGenerator, Generator

import httpx
import httpx2


class HttpxAuth(httpx.Auth):
    """An `httpx.Auth` that does what one of ours does: `HttpxAuth(AgentAuth(...))`.

    Needs `httpx`, which the programs that need this class have anyhow. Raises what the other does.
    """

    def __init__(self, auth: httpx2.Auth) -> None:
        self._auth = auth

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send what the other flow sends: the same request with other headers."""
        flow = self._auth.async_auth_flow(
            httpx2.Request(request.method, str(request.url), headers=request.headers.multi_items())
        )
        try:
            mirrored = await anext(flow)
            while True:
                for name, value in mirrored.headers.items():
                    request.headers[name] = value
                response = yield request
                mirrored = await flow.asend(await _mirror(response, mirrored))
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Refuse: MCP clients are asynchronous, and so is this."""
        raise RuntimeError("HttpxAuth needs an httpx.AsyncClient")


async def _mirror(response: httpx.Response, request: httpx2.Request) -> httpx2.Response:
    # Only refusals are read; a stream of events is the caller's.
    body = await response.aread() if response.status_code in {401, 403} else b""
    kept = [(k, v) for k, v in response.headers.multi_items() if k != "content-encoding"]
    return httpx2.Response(response.status_code, headers=kept, content=body, request=request)
