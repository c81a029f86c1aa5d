"""A plain JSON API under the kit: each route has a rule, and no spelling of a path has two."""

from typing import Any

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route as AppRoute

from mcp_tools.call import current_call
from mcp_tools.edge import Edge
from mcp_tools.errors import NotProtected
from mcp_tools.protect_app import protect_app
from mcp_tools.route import route
from mcp_tools.testing.issuer import ThrowawayIssuer
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.dpop import Holder

API = "http://127.0.0.1:8766/"
ROUTES = [
    route("GET", "/documents", scope="docs:read"),
    route("GET", "/documents/{number}", scope="docs:read", relation="viewer", object="document:{number}"),
    route("DELETE", "/documents/{number}", scope="docs:delete", relation="owner", object="document:{number}"),
    route("POST", "/folders/{folder}/documents/{number}", scope="docs:write", relation="editor",
          object=["folder:{folder}", "document:{number}"]),
]  # fmt: skip


class Api:
    """The application, its issuer, and what it really did."""

    def __init__(self, clock: FrozenClock, **settings: Any) -> None:
        self.clock = clock
        self.issuer = ThrowawayIssuer(clock=clock)
        self.ran: list[str] = []
        self.edge: Edge = protect_app(
            Starlette(routes=[AppRoute("/{rest:path}", self._answer, methods=["GET", "POST", "DELETE", "PUT"])]),
            ROUTES,
            issuer=self.issuer.url,
            resource=API,
            clock=clock,
            http=self.issuer.http(),
            **(settings or {"client_id": "api", "client_secret": "made-up"}),
        )  # fmt: skip

    async def _answer(self, request: Request) -> JSONResponse:
        self.ran.append(request.url.path)
        call = current_call()
        return JSONResponse({"for": call.principal, "on": [str(each) for each in call.objects]})

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.edge), base_url=API)

    def headers(self, **claims: Any) -> dict[str, str]:
        asked = {"user": "usr_ann", "agent": "agt_a", "scopes": ["docs:read"], "resource": API}
        return {"authorization": f"Bearer {self.issuer.token(**{**asked, **claims})}"}


@pytest.fixture
def api(clock: FrozenClock) -> Api:
    built = Api(clock)
    built.issuer.rules.allow("usr_ann", "viewer", "document:1", "document:a/b")
    return built


@requirement("mcp:kit:any-app")
async def test_a_request_is_decided_on_the_object_in_its_path(api: Api) -> None:
    async with api.http() as http:
        answer = await http.get("documents/1", headers=api.headers())
        assert answer.json() == {"for": "user:usr_ann", "on": ["document:1"]}
        forbidden = await http.get("documents/2", headers=api.headers())
        unknown = await http.get("documents/999", headers=api.headers())
    assert forbidden.status_code == unknown.status_code == 403
    assert forbidden.json() == unknown.json()
    assert forbidden.json()["reason"] == "object_denied"
    assert "www-authenticate" not in forbidden.headers
    assert api.ran == ["/documents/1"]


async def test_scopes_are_challenged_and_every_object_is_needed(api: Api) -> None:
    async with api.http() as http:
        refused = await http.delete("documents/1", headers=api.headers())
        assert refused.status_code == 403
        assert 'scope="docs:delete"' in refused.headers["www-authenticate"]
        assert refused.json()["error"] == "insufficient_scope"
        writing = api.headers(scopes=["docs:write"])
        api.issuer.rules.allow("usr_ann", "editor", "document:1")
        assert (await http.post("folders/9/documents/1", headers=writing)).status_code == 403
        api.issuer.rules.allow("usr_ann", "editor", "folder:9")
        assert (await http.post("folders/9/documents/1", headers=writing)).status_code == 200


@requirement("mcp:kit:any-app")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/admin"), ("PUT", "/documents/1"), ("GET", "/documents/1/x"),
     ("HEAD", "/documents/1"), ("OPTIONS", "/documents"), ("GET", "/Documents")],
)  # fmt: skip
async def test_what_no_route_describes_is_closed(api: Api, method: str, path: str) -> None:
    async with api.http() as http:
        every = api.headers(scopes=["docs:read", "docs:write", "docs:delete"])
        assert (await http.request(method, path, headers=every)).status_code == 404
        assert (await http.request(method, path)).status_code == 401
    assert api.ran == []


@requirement("mcp:kit:any-app")
@pytest.mark.parametrize(
    "raw",
    ["/documents/1%2F..%2F2", "/documents/a%2Fb", "/documents/a%2fb", "/documents/1/../2",
     "/documents/%2e%2e", "/documents/./2", "//documents/2", "/documents//2", "/documents/2/",
     "/documents/1%5C2", "/documents/2%00", "/documents/2%0A"],
)  # fmt: skip
async def test_a_path_with_two_readings(api: Api, raw: str) -> None:
    # As a server hands it over: the path decoded, the raw one beside it.
    from urllib.parse import unquote

    answers: list[Any] = []
    token = api.headers()["authorization"].encode()
    scope = {"type": "http", "method": "GET", "path": unquote(raw), "raw_path": raw.encode(),
             "query_string": b"", "headers": [(b"authorization", token)], "root_path": "",
             "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8766)}  # fmt: skip

    async def send(message: Any) -> None:
        answers.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    await api.edge(scope, receive, send)
    assert answers[0]["status"] == 400
    assert api.ran == []


async def test_an_id_that_is_no_object_is_not_asked_about(api: Api) -> None:
    async with api.http() as http:
        for path in ("documents/1%23viewer", "documents/*", "documents/folder:1", "documents/1%20"):
            answer = await http.get(path, headers=api.headers())
            assert answer.json()["reason"] == "object_denied"
    assert not [kind for kind, _ in api.issuer.endpoints.asked if kind == "evaluation"]


async def test_a_revoked_grant_an_outage_and_another_audience(api: Api) -> None:
    headers = api.headers(grant_id="dlg_7")
    async with api.http() as http:
        assert (await http.get("documents", headers=headers)).status_code == 200
        api.issuer.rules.end("dlg_7")
        refused = await http.get("documents", headers=headers)
        assert (refused.status_code, refused.json()["reason"]) == (403, "delegation_revoked")
        api.issuer.rules.ended.clear()
        api.issuer.rules.unavailable = True
        down = await http.get("documents", headers=headers)
        assert (down.status_code, down.headers["retry-after"]) == (503, "5")
        api.issuer.rules.unavailable = False
        other = api.headers(resource="http://127.0.0.1:1/")
        assert (await http.get("documents", headers=other)).status_code == 401
        query = f"documents?access_token={headers['authorization'][7:]}"
        assert (await http.get(query)).status_code == 400


@requirement("mcp:kit:any-app", "rfc9449:7.2:not-as-bearer")
async def test_a_bound_token_needs_the_proof_of_its_key_for_this_very_path(api: Api) -> None:
    key, url = Holder(), f"{API}documents/1"
    bearer = api.headers(claims={"cnf": {"jkt": key.jkt}})
    token = bearer["authorization"].removeprefix("Bearer ")
    async with api.http() as http:

        async def ask(proof: str) -> httpx2.Response:
            headers = {"authorization": f"DPoP {token}", "dpop": proof}
            return await http.get("documents/1", headers=headers)

        assert (await http.get("documents/1", headers=bearer)).status_code == 401
        assert (await ask(key.proof("GET", f"{API}documents/2", token=token))).status_code == 401
        assert (await ask(Holder().proof("GET", url, token=token))).status_code == 401
        good = key.proof("GET", url, token=token)
        assert (await ask(good)).status_code == 200
        assert (await ask(good)).status_code == 401
    assert api.ran == ["/documents/1"]


async def test_a_stream_ends_with_the_token_that_opened_it(clock: FrozenClock) -> None:
    api = Api(clock)
    sent: list[Any] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        clock.advance(seconds=300)
        await anyio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    api.edge = protect_app(
        endless, ROUTES, issuer=api.issuer.url, resource=API, client_id="api",
        client_secret="made-up", clock=clock, http=api.issuer.http(),
    )  # fmt: skip
    token = api.headers(expires_in=1)["authorization"].encode()
    scope = {"type": "http", "method": "GET", "path": "/documents", "raw_path": b"/documents",
             "query_string": b"", "headers": [(b"authorization", token)]}  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    with anyio.fail_after(20):
        await api.edge(scope, receive, send)
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_the_metadata_names_the_scopes_of_the_routes(api: Api) -> None:
    async with api.http() as http:
        document = (await http.get(".well-known/oauth-protected-resource")).json()
    assert document["resource"] == API
    assert document["scopes_supported"] == ["docs:delete", "docs:read", "docs:write"]


async def test_offline_a_route_on_an_object_is_refused(clock: FrozenClock) -> None:
    api = Api(clock, offline=True)
    async with api.http() as http:
        assert (await http.get("documents", headers=api.headers())).status_code == 200
        refused = await http.get("documents/1", headers=api.headers())
    assert refused.json()["reason"] == "object_needs_online"


@pytest.mark.parametrize(
    ("method", "path", "rule"),
    [
        ("get", "/x", {}),
        ("GET", "x", {}),
        ("GET", "/x/{a}/{a}", {}),
        ("GET", "/x/{a}b", {}),
        ("GET", "/x//y", {}),
        ("GET", "/x/../y", {}),
        ("GET", "/{a:path}", {}),
        ("GET", "/x", {"relation": "viewer"}),
        ("GET", "/x", {"relation": "viewer", "object": "document:{a}"}),
    ],
)
def test_a_route_that_could_not_be_decided(method: str, path: str, rule: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        route(method, path, scope="docs:read", **rule)


def test_routes_for_the_same_requests_and_missing_credentials_do_not_start() -> None:
    two = [route("GET", "/x/{a}", scope="a"), route("GET", "/x/all", scope="b")]
    with pytest.raises(ValueError, match="same requests"):
        protect_app(lambda *_: None, two, issuer="https://i.test", resource="https://a.test")  # type: ignore[arg-type]
    with pytest.raises(NotProtected):
        protect_app(lambda *_: None, [], issuer="https://i.test", resource="https://a.test")  # type: ignore[arg-type]
