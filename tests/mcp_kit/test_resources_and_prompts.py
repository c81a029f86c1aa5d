"""`@guard` on resources and prompts: the URI's and the prompt's arguments name the objects."""

from typing import Any

import httpx2
import pytest

from mcp_tools.call import current_call
from mcp_tools.guard import guard
from tests.mcp_kit.archive import META, MODERN, Archive, post, rpc
from tests.requirements import requirement


@pytest.fixture
def library(archive: Archive) -> Archive:
    """The archive with guarded resources and prompts besides the unguarded index."""
    mcp = archive.mcp

    @mcp.resource("archive://about")
    @guard(scope="docs:read", principal="user")
    def about() -> str:
        return "about"

    @mcp.resource("archive://root")
    @guard(scope="docs:read", relation="viewer", object="folder:root")
    async def root() -> str:
        archive.ran.append(("root", None))
        return "the root"

    @mcp.resource("archive://documents/{document_id}")
    @guard(scope="docs:read", relation="viewer", object="document:{document_id}")
    async def document(document_id: str) -> str:
        archive.ran.append(("document", document_id))
        return f"{document_id} for {current_call().principal}"

    @mcp.resource("archive://files/{+path}")
    @guard(scope="docs:files", relation="viewer", object="document:{path}")
    async def file(path: str) -> str:
        archive.ran.append(("file", path))
        return path

    @mcp.resource("archive://open/{name}")
    def unguarded(name: str) -> str:
        archive.ran.append(("unguarded", name))
        return name

    @mcp.prompt()
    @guard(scope="docs:read", relation="viewer", object="document:{document_id}")
    def summarize(document_id: str) -> str:
        archive.ran.append(("summarize", document_id))
        return f"Summarize {document_id}"

    @mcp.prompt()
    def careless() -> str:
        archive.ran.append(("careless", None))
        return "open to all"

    return archive


async def _read(
    http: httpx2.AsyncClient, token: str, uri: str, *, version: str = MODERN
) -> httpx2.Response:
    headers = {"mcp-method": "resources/read", "mcp-name": uri} if version == MODERN else {}
    body = rpc("resources/read", {"uri": uri, "_meta": META})
    return await post(http, token, body, version=version, headers=headers)


async def _prompt(http: httpx2.AsyncClient, token: str, name: str, **arguments: str) -> Any:
    body = rpc("prompts/get", {"name": name, "arguments": arguments})
    return await post(http, token, body)


def _refusal(answer: httpx2.Response) -> str:
    return str(answer.json()["error"]["data"]["reason"])


@requirement("mcp:guard:resources-and-prompts")
async def test_a_template_is_decided_on_the_object_in_its_uri(library: Archive) -> None:
    token = library.token()
    async with library.open() as http:
        answer = await _read(http, token, "archive://documents/1")
        assert "1 for user:usr_ann" in answer.text
        for unknown_or_forbidden in ("3", "999"):
            refused = await _read(http, token, f"archive://documents/{unknown_or_forbidden}")
            assert _refusal(refused) == "object_denied"
    assert library.ran == [("document", "1")]


@requirement("mcp:guard:resources-and-prompts")
async def test_a_prompt_is_decided_on_the_object_in_its_arguments(library: Archive) -> None:
    token = library.token()
    async with library.open() as http:
        assert "Summarize 1" in (await _prompt(http, token, "summarize", document_id="1")).text
        refused = await _prompt(http, token, "summarize", document_id="3")
        assert _refusal(refused) == "object_denied"
    assert library.ran == [("summarize", "1")]


async def test_what_is_refused_tells_the_reason_and_no_traceback(
    library: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    token = library.token(grant_id="dlg_7")
    async with library.open() as http:
        library.issuer.rules.end("dlg_7")
        assert _refusal(await _read(http, token, "archive://root")) == "delegation_revoked"
        assert (
            _refusal(await _prompt(http, token, "summarize", document_id="1"))
            == "delegation_revoked"
        )
    assert "Traceback" not in caplog.text
    assert library.ran == []


@requirement("mcp:guard:template-escape")
@pytest.mark.parametrize(
    "uri",
    [
        "archive://documents/1%2F..%2F3",
        "archive://documents/1/../3",
        "archive://documents/..%2F3",
        "archive://documents/3%23viewer",
        "archive://documents/1%23",
        "archive://documents/folder%3A3",
        "archive://documents/%2A",
        "archive://documents/1%00",
        "archive://documents/1%20",
        "archive://documents/1%0A",
        "archive://documents/%E2%80%AE1",
        "archive://documents/",
        "archive://documents/3?x=archive://documents/1",
        "ARCHIVE://documents/3",
    ],
)
async def test_a_uri_that_escapes_its_object(library: Archive, uri: str) -> None:
    token = library.token()
    async with library.open() as http:
        answer = await _read(http, token, uri)
    assert "error" in answer.json()
    assert library.ran == []
    # What names no object, or another by its grammar, is not even asked about.
    asked = [body for kind, body in library.issuer.endpoints.asked if kind == "evaluation"]
    assert not [each for each in asked if set(each["resource"]["id"]) - set("123/.")]


@requirement("mcp:guard:template-escape")
@pytest.mark.parametrize("spelled", ["2", "%32", "a%2Fb", "a%252Fb", "%252e%252e"])
async def test_the_object_that_is_decided_is_the_one_that_is_read(
    library: Archive, spelled: str
) -> None:
    async with library.open() as http:
        library.issuer.rules.allow("usr_ann", "viewer", "document:a/b", "document:2")
        answer = await _read(http, library.token(), f"archive://documents/{spelled}")
    decided = [
        body["resource"]["id"]
        for kind, body in library.issuer.endpoints.asked
        if kind == "evaluation"
    ]
    ran = [value for _, value in library.ran]
    # Whatever the spelling, the function gets the very text that Mandate allowed.
    assert ran == (decided if "result" in answer.json() else [])


async def test_a_template_over_slashes_is_held_to_its_object(library: Archive) -> None:
    token = library.token(scopes=["docs:files"])
    library.issuer.rules.allow("usr_ann", "viewer", "document:a/b")
    async with library.open() as http:
        assert "error" not in (await _read(http, token, "archive://files/a/b")).json()
        for path in ("a/c", "a/b/../c", "a/b/", "/a/b", "a//b", "a%2Fc"):
            assert "error" in (await _read(http, token, f"archive://files/{path}")).json(), path
    assert library.ran == [("file", "a/b")]


async def test_an_unguarded_resource_or_prompt_is_closed_and_not_listed(library: Archive) -> None:
    token = library.token(scopes=["docs:read", "docs:files"])
    async with library.open() as http:
        assert (await _read(http, token, "archive://index")).status_code == 404
        assert (await _read(http, token, "archive://open/x")).status_code == 404
        assert (await _prompt(http, token, "careless")).status_code == 403
        library.issuer.rules.allow("usr_ann", "viewer", "folder:root")
        listed = await _listed(http, token)
    assert listed == {
        "resources/list": {"archive://about", "archive://root"},
        "resources/templates/list": {
            "archive://documents/{document_id}",
            "archive://files/{+path}",
        },
        "prompts/list": {"summarize"},
    }
    assert library.ran == []


async def _listed(http: httpx2.AsyncClient, token: str) -> dict[str, set[str]]:
    keys = {
        "resources/list": ("resources", "uri"),
        "resources/templates/list": ("resourceTemplates", "uriTemplate"),
        "prompts/list": ("prompts", "name"),
    }
    found = {}
    for method, (member, key) in keys.items():
        result = (await post(http, token, rpc(method))).json()["result"]
        found[method] = {each[key] for each in result[member]}
    return found


@requirement("mcp:list:same-decision")
async def test_lists_follow_scope_principal_and_fixed_objects(library: Archive) -> None:
    async with library.open() as http:
        about, root = "archive://about", "archive://root"
        assert (await _listed(http, library.token()))["resources/list"] == {about}
        library.issuer.rules.allow("usr_ann", "viewer", "folder:root")
        assert (await _listed(http, library.token()))["resources/list"] == {about, root}
        user = await _listed(http, library.token(agent=None))
        assert user["resources/list"] == {about}
        nothing = await _listed(http, library.token(scopes=["docs:write"]))
        assert set().union(*nothing.values()) == set()


async def test_a_resource_whose_scope_the_token_lacks_is_a_challenge(library: Archive) -> None:
    async with library.open() as http:
        answer = await _read(http, library.token(), "archive://files/a")
    assert answer.status_code == 403
    assert 'scope="docs:files"' in answer.headers["www-authenticate"]


async def test_a_header_that_names_another_resource(library: Archive) -> None:
    body = rpc("resources/read", {"uri": "archive://documents/3", "_meta": META})
    headers = {"mcp-method": "resources/read", "mcp-name": "archive://documents/1"}
    async with library.open() as http:
        answer = await post(http, library.token(), body, version=MODERN, headers=headers)
    assert answer.json()["error"]["code"] == -32020


async def test_an_opened_method_is_decided_online_too(library: Archive) -> None:
    opened = library.build(methods={"resources/read": "docs:read"})
    token = opened.token(grant_id="dlg_7")
    async with opened.open() as http:
        assert "the index" in (await _read(http, token, "archive://index")).text
        listed = (await post(http, token, rpc("resources/list"))).json()["result"]["resources"]
        assert [each["uri"] for each in listed] == ["archive://index"]
        opened.issuer.rules.end("dlg_7")
        assert _refusal(await _read(http, token, "archive://index")) == "delegation_revoked"
