"""Traces, metrics and logs: there when they are wanted, silent when not, never a secret."""

import asyncio
import io
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from authz.tx import Tx
from server.domain.refusal import invalid_grant, invalid_request
from server.domain.snapshot import Snapshot
from server.domain.tokens import TokenKind
from server.signals.logs import configure_logging
from server.signals.observed import REQUEST_ID, TRACE_ID, Observed
from server.signals.telemetry import Telemetry, TracedStore, telemetry
from server.storage.repositories import repositories
from server.storage.unit import changes_since
from tests.signals.conftest import Trail
from tests.support.entropy import SequenceEntropy

SECRETS = (
    "s3cret-query",
    "s3cret-token",
    "s3cret-cookie",
    "person@example.org",
    "s3cret-body",
    "s3cret-path",
    "s3cret-exception",
    "s3cret-agent",
)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


class Reported:
    """What an exporter would have sent."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.telemetry = Telemetry(
            version="1", spans=SimpleSpanProcessor(self.exporter), metrics=self.reader
        )

    @property
    def spans(self) -> dict[str, Any]:
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def points(self, name: str) -> list[tuple[Mapping[str, Any], Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            (dict(point.attributes or {}), getattr(point, "value", getattr(point, "count", None)))
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def reported() -> Iterator[Reported]:
    made = Reported()
    yield made
    made.telemetry.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root, ours = logging.getLogger(), logging.getLogger("mandate")
    before = (list(root.handlers), root.level, ours.level, logging.raiseExceptions)
    stream = io.StringIO()
    configure_logging("info", stream)
    yield stream
    root.handlers[:], level, our_level, logging.raiseExceptions = before
    root.setLevel(level)
    ours.setLevel(our_level)


def nothing(tx: Tx) -> None:
    """Do nothing in a transaction."""


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def application(reported: Telemetry) -> Observed:
    async def thing(request: Request) -> Response:
        await request.body()
        answer = PlainTextResponse(
            request.scope[REQUEST_ID] + " " + request.scope.get(TRACE_ID, "-")
        )
        answer.set_cookie("sid", "s3cret-cookie")
        return answer

    async def broken(_: Request) -> Response:
        raise ValueError("s3cret-exception")

    async def failing(_: Request) -> Response:
        try:
            raise ValueError("s3cret-exception person@example.org")
        except ValueError:
            logging.getLogger("mandate.web").exception("it failed")
            logging.getLogger("library").warning(
                "GET https://u:s3cret-body@x/y?token=s3cret-query by person@example.org with %s",
                "eyJhbGciOiJFUzI1NiJ9.s3cret-token-s3cret-token-s3cret-token",
            )
        return PlainTextResponse("no", 503)

    inner = [Route("/things/{name}", thing, methods=["GET", "POST"]), Route("/broken", broken),
             Route("/failing", failing)]  # fmt: skip
    app = Starlette(routes=[Mount("/t/acme", routes=inner)])
    return Observed(app, reported, SequenceEntropy())


async def ask(
    app: Observed, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Send one request straight to the application."""
    sent: list[Any] = []
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "server": ("x", 80),
        "client": ("1.2.3.4", 5),
        "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"password=s3cret-body", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    headers_out = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], headers_out, sent[1]["body"].decode()


HOSTILE = {
    "authorization": "Bearer s3cret-token",
    "cookie": "sid=s3cret-cookie",
    "user-agent": "s3cret-agent",
    "x-request-id": "s3cret-agent",
    "traceparent": TRACEPARENT,
    "tracestate": "a=s3cret-agent",
    "baggage": "a=s3cret-agent",
}
REQUEST = "/t/acme/things/s3cret-path?code=s3cret-query&login_hint=person@example.org"


async def test_a_request_is_one_log_line_of_what_we_know_and_nothing_that_was_sent(
    logged: io.StringIO, reported: Reported
) -> None:
    _, headers, body = await ask(application(reported.telemetry), REQUEST, "POST", HOSTILE)

    (line,) = lines(logged)
    assert {k: line[k] for k in ("level", "message", "method", "route", "status")} == {
        "level": "info",
        "message": "request",
        "method": "POST",
        "route": "/t/acme/things/{name}",
        "status": 200,
    }
    assert line["request_id"] == headers["x-request-id"] == body.split()[0]
    assert line["trace_id"] == body.split()[1] == TRACEPARENT.split("-")[1]
    assert line["ms"] >= 0


async def test_nothing_secret_is_in_logs_spans_or_metrics(
    logged: io.StringIO, reported: Reported
) -> None:
    app = application(reported.telemetry)
    await ask(app, REQUEST, "POST", HOSTILE)
    await ask(app, "/t/acme/failing?x=s3cret-query", headers=HOSTILE)
    await ask(app, "/s3cret-path/" + "x" * 3000, "S3CRET-PATH", HOSTILE)
    with pytest.raises(ValueError, match="s3cret"):
        await ask(app, "/t/acme/broken?x=s3cret-query", headers=HOSTILE)

    told = logged.getvalue()
    told += "".join(span.to_json() for span in reported.exporter.get_finished_spans())
    told += reported.reader.get_metrics_data().to_json()  # type: ignore[union-attr]
    for secret in SECRETS:
        assert secret.lower() not in told.lower(), secret
    assert "ValueError" in told
    assert "test_telemetry.py" in told  # where it happened is told


async def test_each_request_is_a_span_that_links_to_its_caller(reported: Reported) -> None:
    await ask(application(reported.telemetry), REQUEST, "POST", HOSTILE)

    span = reported.spans["POST /t/acme/things/{name}"]
    # Linked, and recorded although the caller's flag says not to.
    assert f"{span.context.trace_id:032x}" == TRACEPARENT.split("-")[1]
    assert f"{span.parent.span_id:016x}" == TRACEPARENT.split("-")[2]
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/t/acme/things/{name}",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize(
    "traceparent",
    ["", "x", "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACEPARENT + "-more", TRACEPARENT.upper(),
     "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "é" * 10],
)  # fmt: skip
async def test_a_malformed_traceparent_begins_a_trace_of_our_own(
    reported: Reported, traceparent: str
) -> None:
    await ask(
        application(reported.telemetry), "/t/acme/things/x", headers={"traceparent": traceparent}
    )
    (span,) = reported.exporter.get_finished_spans()
    assert span.parent is None


async def test_grants_and_units_are_spans_below_their_request(
    reported: Reported, trail: Trail
) -> None:
    store = TracedStore(trail.store, reported.telemetry)
    with reported.telemetry.span("grant", grant_type="refresh_token"):
        await store.write(nothing)
    assert await store.revision() == 0
    await store.read(nothing)

    grant, unit = reported.spans["grant"], reported.spans["store.write"]
    assert unit.parent.span_id == grant.context.span_id
    assert dict(grant.attributes) == {"grant_type": "refresh_token"}


async def test_a_failed_step_says_which_kind_and_not_what(reported: Reported) -> None:
    with pytest.raises(LookupError), reported.telemetry.span("grant"):
        raise LookupError("s3cret")
    span = reported.spans["grant"]
    assert span.attributes == {"error.type": "LookupError"}
    assert span.events == ()
    assert not span.status.is_ok
    assert span.status.description is None


async def test_tokens_and_refusals_are_counted_by_words_of_our_own(reported: Reported) -> None:
    reported.telemetry.issued(TokenKind.DELEGATED)
    reported.telemetry.issued(TokenKind.DELEGATED)
    reported.telemetry.refused(invalid_grant("delegation_revoked", "x"))
    for number in range(20):
        reported.telemetry.refused(invalid_request(f"made-up-{number}", "x"))

    assert reported.points("mandate.tokens.issued") == [({"kind": "delegated"}, 2)]
    assert sorted(reported.points("mandate.refusals"), key=str) == [
        ({"error": "invalid_grant", "reason": "delegation_revoked"}, 1),
        ({"error": "invalid_request", "reason": "other"}, 20),
    ]


async def test_why_a_remote_engine_gave_no_answer_is_counted(reported: Reported) -> None:
    for fault in ("timeout", "timeout", "unreachable"):
        reported.telemetry.graph_failed(fault)
    assert sorted(reported.points("mandate.graph.failures"), key=str) == [
        ({"fault": "timeout"}, 2),
        ({"fault": "unreachable"}, 1),
    ]


async def test_requests_of_any_path_and_method_are_a_bounded_number_of_series(
    reported: Reported,
) -> None:
    app = application(reported.telemetry)
    for number in range(30):
        await ask(app, f"/t/acme/things/{number}")
        await ask(app, f"/nothing/{number}", f"METHOD{number}")
    labels = [labels for labels, _ in reported.points("http.server.request.duration")]
    assert len(labels) == 2
    assert {label["http.route"] for label in labels} == {"/t/acme/things/{name}", "unmatched"}


async def test_queue_and_caches_are_watched(
    reported: Reported, trail: Trail, entropy: SequenceEntropy
) -> None:
    snapshot = Snapshot(trail.store, repositories(entropy), changes_since)
    reported.telemetry.watch(lambda: 3, snapshot)
    await snapshot.client("cli_unknown")

    assert reported.points("mandate.writer.waiting") == [({}, 3)]
    lookups = reported.points("mandate.cache.lookups")
    assert ({"kind": "client", "result": "miss"}, 1) in lookups
    assert ({"kind": "client", "result": "hit"}, 0) in lookups


async def test_without_an_endpoint_nothing_is_reported(logged: io.StringIO) -> None:
    silent = telemetry(None, {}, version="1")
    assert not silent.tracing
    silent.issued(TokenKind.USER)
    silent.refused(invalid_request("x", "x"))
    with silent.span("grant"):
        pass
    status, headers, body = await ask(application(silent), REQUEST, headers=HOSTILE)
    assert status == 200
    assert headers["x-request-id"]
    assert body.split()[1] == TRACEPARENT.split("-")[1]  # logs join the caller's trace all the same
    silent.close()


async def test_with_an_endpoint_spans_and_metrics_are_sent_there(logged: io.StringIO) -> None:
    taken: list[str] = []

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().splitlines()
            if b"content-length" in line
        )
        await reader.readexactly(length)
        taken.append(head.split(b" ")[1].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(collect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sending = telemetry(f"http://127.0.0.1:{port}", {}, version="1")
    await ask(application(sending), REQUEST)
    await asyncio.to_thread(sending.close)
    server.close()
    await server.wait_closed()

    assert sorted(set(taken)) == ["/v1/metrics", "/v1/traces"]


async def test_a_collector_that_is_gone_disturbs_nobody(logged: io.StringIO) -> None:
    sending = telemetry("http://127.0.0.1:9", {}, version="1")
    status, _, _ = await ask(application(sending), REQUEST)
    assert status == 200
