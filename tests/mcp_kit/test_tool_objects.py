"""A tool may be the object of its own guard, under the name that Mandate's model gives it."""

from authz.resources import tool_object
from mcp_tools.guard import guard
from tests.mcp_kit.archive import RESOURCE, Archive, call, failed, text_of
from tests.requirements import requirement


@requirement("mandate:model:tools-are-objects")
async def test_a_tool_runs_for_whoever_may_call_it(archive: Archive) -> None:
    name = tool_object(RESOURCE, "wipe")

    archive.add_wipe(guard(scope="docs:write", relation="caller", object=name))
    token = archive.token(scopes=["docs:write"])
    async with archive.open() as http:
        assert failed(await call(http, token, "wipe"))
        assert archive.ran == []
        archive.issuer.rules.allow("usr_ann", "caller", name)
        assert text_of(await call(http, token, "wipe")) == "gone"
