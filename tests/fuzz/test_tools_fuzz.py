"""Whatever a model sends to the tools of Mandate's own MCP server, the answer is one of MCP's."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_tools.tools.words import WORDS
from server.domain.people import Role
from tests.own_mcp.conftest import ADMIN_SCOPES, PERSON_SCOPES, furnish
from tests.own_mcp.rpc import ACCEPT, VERSION, tool_call
from tests.requirements import requirement
from tests.support.live import Live, live
from tests.support.world import DOCS, World

# Hypothesis notices if a thread that another test has left behind uses `random` meanwhile.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)
NIGHTLY: Final = int(os.environ.get("MANDATE_FUZZ", "20000")) // 10
CALLERS: Final = ("agent", "person", "nobody")
INSIDE: Final = ("Traceback", 'File "', "site-packages", "sqlite3", "psycopg", "sqlalchemy")
ENDS: Final = frozenset(
    {"release", "narrow_delegation", "revoke_delegation", "revoke_any_delegation", "deny_approval"}
)

_CRASHED: Final = re.compile(r"Error executing tool [a-z_]+")

NAMES: Final = (
    "resource", "scopes", "relation", "object", "objects", "evaluation_id", "agent_id", "grant_id",
    "authority", "everything", "expires_in", "cursor", "ended", "why", "text", "user_id",
    "approval_id", "_meta", "",
)  # fmt: skip
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@dataclass(frozen=True)
class Made:
    tokens: dict[str, str | None]
    known: tuple[Any, ...]
    """Values that lead further in."""


async def _register(w: World) -> Made:
    desk = await furnish(w)
    await w.set_user(desk.ada, role=Role.ADMIN)
    person = await desk.person_token(desk.ada, PERSON_SCOPES | ADMIN_SCOPES)
    return Made(
        tokens={"agent": desk.agent_token, "person": person, "nobody": None},
        known=(
            desk.mcp, DOCS, ["docs:read"], ["mandate:self"], "viewer", "document:t1", "folder:tax",
            ["folder:tax"], desk.b.agent.id, desk.a.agent.id, desk.bens.id, desk.ben.id, 60, True,
            [{"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:tax"]}], None,
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    more = {"MANDATE_ACCESS_TOKEN_TTL": "900"}
    with live(tmp_path_factory.mktemp("tools"), _register, settings=more) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Live) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.issuer, trust_env=False) as client:
        yield client


@st.composite
def messages(draw: st.DrawFn, made: Made) -> Any:
    """Draw a call of a tool, often with arguments that mean something; or any message at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    tool = draw(st.sampled_from(sorted(WORDS)) | st.text(max_size=12))
    # What ends something is not told whose it is: else nothing would be left to ask about.
    value = JSON if tool in ENDS else st.sampled_from(made.known) | JSON
    names = st.sampled_from(NAMES) | st.text(max_size=8)
    message = tool_call(tool, draw(st.dictionaries(names, value, max_size=6)))
    if draw(st.booleans()):
        names = st.sampled_from(["_meta", "inputResponses", "requestState", "name", "arguments"])
        message["params"] |= draw(st.dictionaries(names, JSON, max_size=2))
    return message


def _send(http: httpx2.Client, made: Made, caller: str, message: Any) -> None:
    token = made.tokens[caller]
    headers = {**ACCEPT, "MCP-Protocol-Version": VERSION}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    # Lone surrogates, NaN and infinities as they stand: a server reads them or says no.
    answer = http.post("/mcp", content=json.dumps(message).encode("ascii"), headers=headers)
    assert not [word for word in INSIDE if word in answer.text], answer.text
    if token is None:
        assert answer.status_code == 401, answer.text
        return
    assert answer.status_code in {200, 202, 400, 403, 404}, (answer.status_code, answer.text)
    if answer.status_code != 200:
        return
    body = answer.json()
    assert body["jsonrpc"] == "2.0"
    assert ("result" in body) is not ("error" in body)
    # So the protocol's layer answers an exception that nobody meant: without a word of it.
    assert body.get("error", {}).get("code") != -32603, body
    said = [part.get("text", "") for part in body.get("result", {}).get("content", ())]
    assert not [text for text in said if _CRASHED.fullmatch(text)], body


@requirement("mandate:input:no-500")
@pytest.mark.parametrize("caller", CALLERS)
@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_no_message_of_the_gate_breaks_a_tool(
    server: Live, http: httpx2.Client, caller: str, data: st.DataObject
) -> None:
    _send(http, server.made, caller, data.draw(messages(server.made)))


@pytest.mark.nightly
@pytest.mark.parametrize("caller", CALLERS)
@settings(max_examples=NIGHTLY, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_message_of_the_night_breaks_a_tool(
    server: Live, http: httpx2.Client, caller: str, data: st.DataObject
) -> None:
    _send(http, server.made, caller, data.draw(messages(server.made)))
