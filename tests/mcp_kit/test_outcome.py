"""One structured record for each call: who, by whom, what became of it."""

import logging
from typing import Any

import pytest

from mcp_tools.guard import guard
from mcp_tools.outcome import LOGGER
from tests.mcp_kit.archive import Archive, call, failed
from tests.requirements import requirement


def _records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        {
            name.removeprefix("mandate."): value
            for name, value in vars(record).items()
            if name.startswith("mandate.")
        }
        for record in caplog.records
        if record.name == LOGGER
    ]


@pytest.fixture
def logged(archive: Archive, caplog: pytest.LogCaptureFixture) -> Archive:
    """The archive with a tool that fails, and its records."""
    caplog.set_level(logging.INFO, LOGGER)

    @archive.mcp.tool()
    @guard(scope="docs:read", relation="viewer", object="document:{document_id}")
    async def crash(document_id: str) -> str:
        raise RuntimeError(f"the secret of {document_id}")

    return archive


@requirement("mcp:kit:outcome")
async def test_a_call_that_ran_failed_or_was_refused_is_one_record_each(
    logged: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    token = logged.token(agent=["agt_b", "agt_a"], grant_id="dlg_7")
    async with logged.open() as http:
        assert not failed(await call(http, token, "read", document_id="1"))
        assert failed(await call(http, token, "crash", document_id="1"))
        assert failed(await call(http, token, "read", document_id="3"))
    done, crashed, refused = _records(caplog)
    common = {
        "sub": "usr_ann",
        "agents": ("agt_b", "agt_a"),
        "client_id": "cli_agt_b",
        "grant_id": "dlg_7",
    }
    for record in (done, crashed, refused):
        assert common.items() <= record.items()
        assert record.pop("evaluation_id").startswith("aud_")
        assert record.pop("duration_ms") >= 0
    assert (done["tool"], done["outcome"], done["objects"]) == ("read", "done", ("document:1",))
    assert (crashed["outcome"], crashed["reason"]) == ("failed", "RuntimeError")
    # The operator is told why; the agent reads only `object_denied`.
    assert (refused["outcome"], refused["reason"]) == ("refused", "user_relation")


@requirement("mcp:kit:outcome", "mandate:log:no-secret")
async def test_no_token_argument_or_result_is_recorded(
    logged: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    token = logged.token(scopes=["docs:read", "docs:share"])
    logged.issuer.rules.allow("usr_ann", "owner", "document:1")
    async with logged.open() as http:
        await call(http, token, "crash", document_id="1")
        await call(http, token, "share", document_id="1", user="usr_private")
        await call(http, token, "read", document_id="1")
    told = str(_records(caplog))
    assert len(_records(caplog)) == 3
    for hidden in (token, token.rpartition(".")[2], "secret of", "usr_private", "content of"):
        assert hidden not in told


async def test_an_answer_that_mandate_did_not_give_is_recorded_as_refused(
    logged: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    logged.issuer.rules.unavailable = False
    token = logged.token()
    async with logged.open() as http:
        await call(http, token, "whoami")
        logged.issuer.rules.unavailable = True
        await call(http, token, "whoami")
    first, second = _records(caplog)
    assert first["outcome"] == "done"
    assert (second["outcome"], second["reason"]) == ("refused", "checker_unavailable")
    assert "evaluation_id" not in second
