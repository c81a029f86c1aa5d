"""A guarded tool that needs the user's yes: what it asks, what it answers, and when it runs."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context
from mcp_types import ElicitRequestURLParams, ElicitResult
from pydantic import BaseModel

from mcp_tools.approval import Approval, NotApprovable, Pending, hash_of_call
from mcp_tools.client.approval import (
    NotApproved,
    approval_state,
    call_approved,
    wait_for_approval,
)
from mcp_tools.client.connect import connect
from mcp_tools.client.errors import NotGranted, TryAgain
from mcp_tools.edge import Edge
from mcp_tools.guard import guard
from mcp_tools.testing.issuer import ThrowawayIssuer
from mcp_tools.testing.loopback import serve
from tests.mcp_kit.archive import LEGACY, Archive, call, failed, post, rpc, text_of
from tests.mcp_kit.test_exchange_auth import _auth
from tests.requirements import requirement
from tests.support.approvals import hash_of
from tests.support.clock import FrozenClock


def with_tools(archive: Archive) -> Archive:
    @archive.mcp.tool()
    @guard(
        scope="docs:read",
        approval=Approval(summary="Pay {amount} to {payee} {nothing}", seconds=300, max_age=60),
    )
    def pay(payee: str, context: Context, amount: int = 5) -> str:
        """Pay somebody."""
        archive.ran.append(("pay", (payee, amount)))
        return f"paid {amount} to {payee}"

    @archive.mcp.tool()
    @guard(scope="docs:read", approval=lambda arguments: arguments["amount"] > 100)
    async def send(amount: int) -> str:
        """Send something; much of it needs a yes."""
        archive.ran.append(("send", amount))
        return "sent"

    @archive.mcp.tool()
    @guard(scope="docs:read", relation="viewer", object="document:{document_id}", approval="always")
    async def erase(document_id: str) -> str:
        """Erase a document."""
        archive.ran.append(("erase", document_id))
        return "erased"

    return archive


@pytest.fixture
def desk(archive: Archive) -> Archive:
    return with_tools(archive)


def questions(archive: Archive) -> list[Any]:
    return [body for kind, body in archive.issuer.endpoints.asked if kind == "evaluation"]


@requirement("approval:kit:waits")
async def test_a_tool_waits_says_where_and_runs_once_after_the_yes(desk: Archive) -> None:
    approvals = desk.issuer.endpoints.approvals
    async with desk.open() as http:
        first = await call(http, desk.token(), "pay", payee="Ben")
        again = await call(http, desk.token(), "pay", payee="Ben", amount=5)
        assert failed(first)
        told = first.json()["result"]["structuredContent"]
        assert told == {
            "status": "pending",
            "approval_id": "apv_1",
            "interval": 5,
            "expires_in": 600,
            "approve_url": f"{desk.issuer.url}/approvals/apv_1",
        }
        assert told["approve_url"] in text_of(first)
        assert "exactly the same arguments" in text_of(first)
        assert again.json()["result"]["structuredContent"] == told
        assert desk.ran == []

        approvals.answer("apv_1", yes=True)
        assert text_of(await call(http, desk.token(), "pay", payee="Ben")) == "paid 5 to Ben"
        replay = await call(http, desk.token(), "pay", payee="Ben")
    assert failed(replay)
    assert replay.json()["result"]["structuredContent"]["approval_id"] == "apv_2"
    assert desk.ran == [("pay", ("Ben", 5))]


@requirement("approval:kit:arguments")
async def test_the_question_binds_the_very_arguments_that_the_tool_gets(desk: Archive) -> None:
    async with desk.open() as http:
        await call(http, desk.token(), "pay", payee="Ben")
        desk.issuer.endpoints.approvals.answer("apv_1", yes=True)
        other = await call(http, desk.token(), "pay", payee="Ben", amount=6)
    assert failed(other)
    assert desk.ran == []
    asked = [question["context"]["approval"] for question in questions(desk)]
    # Defaults count, what the SDK injects does not.
    assert asked[0]["arguments_hash"] == hash_of({"payee": "Ben", "amount": 5}, "pay")
    assert asked[1]["arguments_hash"] == hash_of({"payee": "Ben", "amount": 6}, "pay")
    assert asked[0] | {"arguments_hash": ""} == {
        "arguments_hash": "", "summary": "Pay 5 to Ben {nothing}", "for": 300, "max_age": 60,
    }  # fmt: skip


async def test_a_no_and_too_many_are_told_and_nothing_runs(
    desk: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk.open() as http:
        await call(http, desk.token(), "pay", payee="Ben")
        desk.issuer.endpoints.approvals.answer("apv_1", yes=False)
        denied = await call(http, desk.token(), "pay", payee="Ben")
        monkeypatch.setattr(
            desk.issuer.endpoints.approvals,
            "decide",
            lambda *_: ("too_many_approvals", {"retry_after": 600}),
        )
        crowded = await call(http, desk.token(), "pay", payee="Eve")
    assert "approval_denied: the user did not approve this call; do not try again" in text_of(
        denied
    )
    assert "too_many_approvals" in text_of(crowded)
    assert "structuredContent" not in denied.json()["result"]
    assert desk.ran == []


async def test_a_rule_of_the_arguments_asks_only_where_it_says_so(desk: Archive) -> None:
    async with desk.open() as http:
        assert text_of(await call(http, desk.token(), "send", amount=100)) == "sent"
        assert failed(await call(http, desk.token(), "send", amount=101))
    assert desk.ran == [("send", 100)]
    assert ["context" in question for question in questions(desk)] == [False, True]


@pytest.mark.parametrize("answers", [None, 0, "", [], True])
def test_only_a_plain_no_of_the_rule_lets_a_call_go_on(answers: Any) -> None:
    assert Approval(when=lambda _: answers).wanted("t", {}) is not None
    assert Approval(when=lambda _: False).wanted("t", {}) is None


async def test_a_rule_that_fails_runs_nothing(archive: Archive) -> None:
    @archive.mcp.tool()
    @guard(scope="docs:read", approval=lambda arguments: arguments["no such"] > 1)
    async def fragile() -> str:
        """Never runs."""
        archive.ran.append(("fragile", None))
        return "ran"

    async with archive.open() as http:
        assert failed(await call(http, archive.token(), "fragile"))
    assert archive.ran == []


async def test_what_is_not_allowed_is_not_asked_about(desk: Archive) -> None:
    async with desk.open() as http:
        answer = await call(http, desk.token(), "erase", document_id="3")
    assert "object_denied" in text_of(answer)
    assert desk.issuer.endpoints.approvals.status == {}


async def test_a_list_asks_nobody(desk: Archive) -> None:
    async with desk.open() as http:
        answer = await post(http, desk.token(), rpc("tools/list"), version=LEGACY)
    assert {"pay", "erase"} <= {tool["name"] for tool in answer.json()["result"]["tools"]}
    assert desk.issuer.endpoints.approvals.status == {}


@pytest.mark.parametrize(
    "approval", [None, {}, {"status": "pending"}, {"status": "approved"}, "used"]
)
async def test_a_yes_that_mandate_does_not_speak_of_is_none(
    desk: Archive, monkeypatch: pytest.MonkeyPatch, approval: object
) -> None:
    monkeypatch.setattr(desk.issuer.endpoints.approvals, "decide", lambda *_: (None, approval))
    async with desk.open() as http:
        answer = await call(http, desk.token(), "pay", payee="Ben")
    assert "checker_unavailable" in text_of(answer)
    assert desk.ran == []


@pytest.mark.parametrize(
    "told",
    [
        {"approve_url": "https://evil.example/approvals/apv_1"},
        {"approve_url": "https://issuer.test.evil.example/approvals/apv_1"},
        {"interval": "5"},
        {"id": None},
    ],
)
async def test_the_user_is_sent_to_the_issuer_or_nowhere(
    desk: Archive, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    good = {
        "id": "apv_1", "status": "pending", "interval": 5, "expires_in": 600,
        "approve_url": f"{desk.issuer.url}/approvals/apv_1",
    }  # fmt: skip
    monkeypatch.setattr(
        desk.issuer.endpoints.approvals, "decide", lambda *_: ("approval_required", good | told)
    )
    async with desk.open() as http:
        answer = await call(http, desk.token(), "pay", payee="Ben")
    assert failed(answer)
    assert "evil.example" not in answer.text
    assert "structuredContent" not in answer.json()["result"]
    assert "approval_required" in text_of(answer)


async def test_offline_a_tool_with_an_approval_is_closed(clock: FrozenClock) -> None:
    archive = Archive(clock, ThrowawayIssuer(clock=clock))
    with_tools(archive.build(offline=True, client_id=None, client_secret=None))
    async with archive.open() as http:
        answer = await call(http, archive.token(), "pay", payee="Ben")
        listed = await post(http, archive.token(), rpc("tools/list"))
    assert "approval_needs_online" in text_of(answer)
    assert "pay" not in {tool["name"] for tool in listed.json()["result"]["tools"]}
    assert archive.ran == []


@pytest.mark.parametrize(
    "settings",
    [
        {"approval": "sometimes"},
        {"approval": 1},
        {"approval": "always", "principal": "agent"},
        {"approval": "always", "principal": "user"},
    ],
)
def test_a_rule_that_could_not_ask_anybody_is_refused(settings: dict[str, Any]) -> None:
    def tool() -> None: ...

    with pytest.raises(ValueError, match=r"approval"):
        guard(scope="docs:read", **settings)(tool)


@pytest.mark.parametrize("settings", [{"seconds": 0}, {"seconds": 601}, {"max_age": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"seconds"):
        Approval(**settings)


class Invoice(BaseModel):
    number: int
    lines: list[str]


@requirement("approval:kit:arguments")
def test_the_hash_is_of_one_spelling_of_the_arguments() -> None:
    assert hash_of_call("t", {"a": 1, "b": "ü"}) == hash_of_call("t", {"b": "ü", "a": 1})
    assert hash_of_call("t", {"s": {"x", "y", "z"}}) == hash_of_call("t", {"s": {"z", "y", "x"}})
    invoice = Invoice(number=7, lines=["a"])
    assert hash_of_call("t", {"i": invoice}) == hash_of_call(
        "t", {"i": {"lines": ["a"], "number": 7}}
    )
    different = [
        hash_of_call("t", {}), hash_of_call("u", {}), hash_of_call("t", {"a": None}),
        hash_of_call("t", {"a": 1}), hash_of_call("t", {"a": "1"}), hash_of_call("t", {"a": True}),
        hash_of_call("t", {"a": 1.5}), hash_of_call("t", {"a": ["1"]}),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), "\ud800", b"\xff"])
async def test_what_cannot_be_written_down_cannot_be_approved(value: object) -> None:
    with pytest.raises(NotApprovable):
        hash_of_call("t", {"a": value})


def test_the_summary_reads_no_attribute_and_is_bounded() -> None:
    rule = Approval(summary="{a.__class__} {a} {b}")
    wanted = rule.wanted("t", {"a": "x\n\ty", "b": "z" * 500})
    assert wanted is not None
    assert wanted.summary.startswith("{a.__class__} x y zzz")
    assert len(wanted.summary) == 300
    assert wanted.summary.endswith("…")


@pytest.fixture
def served(clock: FrozenClock) -> Iterator[Archive]:
    archive = Archive(clock, ThrowawayIssuer(clock=clock))

    def build(url: str) -> Edge:
        archive.resource = f"{url}/mcp"
        return with_tools(archive.build(stateless=False, json_response=False)).edge

    with serve(build):
        yield archive


@requirement("approval:kit:waits")
async def test_an_agent_tells_the_user_waits_politely_and_calls_again(served: Archive) -> None:
    approvals = served.issuer.endpoints.approvals
    told: list[Pending] = []
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            approvals.answer("apv_1", yes=True)

    auth = _auth(served)
    async with connect(auth) as mcp:
        result = await call_approved(
            mcp, auth, "pay", {"payee": "Ben"}, tell=told.append, sleep=sleep
        )
    assert result.structured_content == {"result": "paid 5 to Ben"}
    assert [each.approve_url for each in told] == [f"{served.issuer.url}/approvals/apv_1"]
    assert slept == [5.0, 5.0, 5.0]
    assert served.ran == [("pay", ("Ben", 5))]
    # Looking does not call the tool: two evaluations, one before and one after the yes.
    about = [question["action"]["properties"]["tool"] for question in questions(served)]
    assert about.count("pay") == 2


async def test_a_no_and_no_answer_end_the_waiting(served: Archive) -> None:
    approvals = served.issuer.endpoints.approvals

    async def says_no(_: float) -> None:
        approvals.answer("apv_1", yes=False)

    slept: list[float] = []

    async def only_sleeps(seconds: float) -> None:
        slept.append(seconds)

    auth = _auth(served)
    async with connect(auth) as mcp:
        with pytest.raises(NotApproved) as refused:
            await call_approved(
                mcp, auth, "pay", {"payee": "Ben"}, tell=lambda _: None, sleep=says_no
            )
        assert refused.value.status == "denied"
        with pytest.raises(NotApproved) as refused:
            await call_approved(
                mcp, auth, "pay", {"payee": "Eve"},
                tell=lambda _: None, sleep=only_sleeps, patience=12,
            )  # fmt: skip
    assert refused.value.status == "expired"
    assert slept == [5.0, 5.0, 2.0]
    assert served.ran == []


async def test_a_mandate_that_is_away_for_a_moment_is_asked_again(archive: Archive) -> None:
    approvals, rules = archive.issuer.endpoints.approvals, archive.issuer.rules
    wanted = {"arguments_hash": "x", "summary": "y"}
    approvals.decide("a call", wanted, archive.issuer.url)
    auth = _auth(archive)
    await auth.token()

    async def comes_back(_: float) -> None:
        rules.unavailable = False
        approvals.answer("apv_1", yes=True)

    rules.unavailable = True
    assert (await wait_for_approval(auth, "apv_1", sleep=comes_back)).status == "approved"
    with pytest.raises(NotGranted):
        await approval_state(auth, "apv_9")
    rules.unavailable = True
    with pytest.raises(TryAgain):
        await wait_for_approval(auth, "apv_1", patience=0)


@requirement("approval:kit:waits")
async def test_a_client_that_opens_pages_is_asked_to_and_goes_on_by_itself(
    served: Archive,
) -> None:
    """MCP 2026-07-28: an input-required result with a URL elicitation; one round, no state."""
    shown: list[str] = []

    async def open_page(context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams)
        shown.append(params.url)
        if len(shown) == 1:
            served.issuer.endpoints.approvals.answer("apv_1", yes=True)
        return ElicitResult(action="accept")

    async with (
        httpx2.AsyncClient(auth=_auth(served)) as http,
        Client(
            streamable_http_client(served.resource, http_client=http),
            elicitation_callback=open_page,
        ) as mcp,
    ):
        result = await mcp.call_tool("pay", {"payee": "Ben"})
        assert result.structured_content == {"result": "paid 5 to Ben"}
        # The user looked and did not answer: the model is told, and nobody goes in circles.
        waits = await mcp.call_tool("pay", {"payee": "Eve"})
    assert waits.is_error
    assert Pending.of(waits.structured_content) is not None
    assert shown == [f"{served.issuer.url}/approvals/apv_{n}" for n in (1, 2)]
    assert served.ran == [("pay", ("Ben", 5))]
