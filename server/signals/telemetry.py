"""OpenTelemetry: traces and metrics, sent by OTLP when an endpoint is set; the one home of it.

Without an endpoint nothing of the SDK is imported and each call here costs a comparison. Labels
are words of our own closed lists, never what a caller sent.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

from authz.decision import Reason
from authz.tx import Tx
from server.domain.refusal import ClientFault, Refused
from server.domain.snapshot import Snapshot
from server.domain.tokens import TokenKind
from server.domain.unit import Store, Unit

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

T = TypeVar("T")

STANDARD: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT",)
_OTHER: Final = "other"
_REASONS: Final = frozenset(word.value for words in (Reason, ClientFault) for word in words)
_ERRORS: Final = frozenset(
    {
        "access_denied", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope",
        "invalid_target", "invalid_token", "login_required", "consent_required",
        "interaction_required", "unauthorized_client", "unsupported_grant_type",
        "unsupported_response_type", "temporarily_unavailable", "server_error",
    }
)  # fmt: skip
_NOTHING: Final = nullcontext()
_LAST_SECONDS: Final = 3.0


class Telemetry:
    """What the server reports of itself. Made once by the composition root; `close` at the end."""

    def __init__(
        self,
        *,
        version: str = "",
        spans: "SpanProcessor | None" = None,
        metrics: "MetricReader | None" = None,
    ) -> None:
        """Report to `spans` and `metrics`; to nobody if they are left out."""
        self.tracing = spans is not None
        self.measuring = metrics is not None
        self._providers: list[Any] = []
        self._tracer: Any = None
        self._issued: Any = None
        self._refused: Any = None
        self._requests: Any = None
        self._graph_failures: Any = None
        self._meter: Any = None
        if spans is None and metrics is None:
            return
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - only if it is on

        resource = Resource.create({"service.name": "mandate", "service.version": version})
        if spans is not None:
            self._trace_to(spans, resource)
        if metrics is not None:
            self._measure_to(metrics, resource)

    def _trace_to(self, spans: "SpanProcessor", resource: Any) -> None:
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415

        # Not "as the parent says": a stranger's header must not hide a request from us.
        provider = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
        provider.add_span_processor(spans)
        self._providers.append(provider)
        self._tracer = provider.get_tracer("mandate")

    def _measure_to(self, metrics: "MetricReader", resource: Any) -> None:
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415

        provider = MeterProvider([metrics], resource=resource, shutdown_on_exit=False)
        self._providers.append(provider)
        meter = self._meter = provider.get_meter("mandate")
        self._issued = meter.create_counter(
            "mandate.tokens.issued", unit="{token}", description="Tokens issued, by kind."
        )
        self._refused = meter.create_counter(
            "mandate.refusals", unit="{refusal}", description="Refusals, by error and reason."
        )
        self._graph_failures = meter.create_counter(
            "mandate.graph.failures", unit="{failure}",
            description="Questions or changes that the remote engine did not take, by fault.",
        )  # fmt: skip
        self._requests = meter.create_histogram(
            "http.server.request.duration", unit="s", description="Requests, by route and status."
        )

    def watch(self, waiting: Callable[[], int], snapshot: Snapshot) -> None:
        """Report the depth of the writer's queue and how well the caches serve."""
        if self._meter is None:
            return
        from opentelemetry.metrics import CallbackOptions, Observation  # noqa: PLC0415

        def depth(_: CallbackOptions) -> Iterator[Observation]:
            yield Observation(waiting())

        def caches(_: CallbackOptions) -> Iterator[Observation]:
            for kind, (hits, misses) in snapshot.usage().items():
                yield Observation(hits, {"kind": kind, "result": "hit"})
                yield Observation(misses, {"kind": kind, "result": "miss"})

        self._meter.create_observable_gauge(
            "mandate.writer.waiting", [depth], unit="{unit}", description="Units that wait."
        )
        self._meter.create_observable_counter(
            "mandate.cache.lookups", [caches], unit="{lookup}", description="Cache lookups."
        )

    def issued(self, kind: TokenKind) -> None:
        """Count a token that was issued."""
        if self._issued is not None:
            self._issued.add(1, {"kind": kind.value})

    def refused(self, refusal: Refused) -> None:
        """Count a refusal."""
        if self._refused is not None:
            reason = refusal.client_fault or refusal.reason
            self._refused.add(
                1,
                {
                    "error": refusal.error if refusal.error in _ERRORS else _OTHER,
                    "reason": str(reason) if reason in _REASONS else _OTHER,
                },
            )

    def graph_failed(self, fault: str) -> None:
        """Count that the remote engine gave no answer; `fault` is a word of its closed list."""
        if self._graph_failures is not None:
            self._graph_failures.add(1, {"fault": str(fault)})

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record a request; `method` and `route` are of our own lists."""
        if self._requests is not None:
            self._requests.record(
                seconds,
                {
                    "http.request.method": method, "http.route": route,
                    "http.response.status_code": status,
                },
            )  # fmt: skip

    def span(self, name: str, **attributes: str) -> "AbstractContextManager[Span | None]":
        """Time a step, below the request that it belongs to. Attributes: our own words only."""
        if self._tracer is None:
            return _NOTHING
        return self._span(name, attributes)

    @contextmanager
    def _span(self, name: str, attributes: Mapping[str, str]) -> "Iterator[Span]":
        # Neither messages nor stack traces: they may quote what must not be told.
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Exception as error:
                _fail(span, type(error).__name__)
                raise

    @contextmanager
    def server_span(self, method: str, traceparent: str | None) -> "Iterator[Span]":
        """Time a request; only with `tracing`. `traceparent` (W3C) links, and decides nothing."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

        carrier = {} if traceparent is None else {"traceparent": traceparent}
        parent = tracecontext.TraceContextTextMapPropagator().extract(carrier)
        with self._tracer.start_as_current_span(
            method, context=parent, kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False, set_status_on_exception=False,
        ) as span:  # fmt: skip
            yield span

    def close(self) -> None:
        """Send what is left; a collector that does not answer delays the end only a little."""
        # The SDK tries again for half a minute, so it does that beside us.
        closing = threading.Thread(target=self._shut_down, name="telemetry", daemon=True)
        closing.start()
        closing.join(_LAST_SECONDS)

    def _shut_down(self) -> None:
        for provider in self._providers:
            provider.shutdown()


def finish(span: "Span", method: str, route: str, status: int) -> None:
    """Name a request's span when its route and status are known."""
    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        _fail(span, str(status))


def _fail(span: "Span", what: str) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span.set_attribute("error.type", what)
    span.set_status(StatusCode.ERROR)


def trace_id(span: "Span") -> str:
    """Return the trace id (32 hex digits)."""
    return f"{span.get_span_context().trace_id:032x}"


def telemetry(endpoint: str | None, environ: Mapping[str, str], *, version: str) -> Telemetry:
    """Report to `endpoint` (`http://collector:4318`), else as OpenTelemetry's own variables say.

    With neither: a silent one. `OTEL_EXPORTER_OTLP_HEADERS` and its relatives are the SDK's.
    """
    if endpoint is None and not any(environ.get(name) for name in STANDARD):
        return Telemetry(version=version)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    base = None if endpoint is None else endpoint.rstrip("/")
    spans = OTLPSpanExporter(endpoint=base and f"{base}/v1/traces")
    metrics = OTLPMetricExporter(endpoint=base and f"{base}/v1/metrics")
    return Telemetry(
        version=version,
        spans=BatchSpanProcessor(spans),
        metrics=PeriodicExportingMetricReader(metrics),
    )


class TracedStore:
    """A `Store` whose units are spans; put in its place only while `Telemetry.tracing`."""

    def __init__(self, inner: Store, telemetry: Telemetry) -> None:
        """Hand everything on to `inner`."""
        self._inner = inner
        self._telemetry = telemetry

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._inner.read(work)

    async def read_row(self, work: Callable[[Tx], T]) -> T:
        return await self._inner.read_row(work)

    async def write(self, work: Callable[[Unit], T]) -> T:
        with self._telemetry.span("store.write"):
            return await self._inner.write(work)

    async def revision(self) -> int:
        return await self._inner.revision()
