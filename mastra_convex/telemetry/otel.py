"""Spans and metrics through OpenTelemetry's API; who receives them is up to the program, which configures an SDK."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from opentelemetry import context, metrics, trace
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]  # what all instrumentations look at
)

from mastra_convex.telemetry.signals import Attributes, Silence, Span, Value
from mastra_convex.version import VERSION

_NAME: Final = "mastra_convex"
_SCHEMA: Final = "https://opentelemetry.io/schemas/1.33.0"
_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""The buckets that the conventions for databases ask for."""


class OpenTelemetry:
    """`Signals` of the providers that are set for the process, also later."""

    def __init__(self) -> None:
        self._tracer = trace.get_tracer(_NAME, VERSION, schema_url=_SCHEMA)
        meter = metrics.get_meter(_NAME, VERSION, schema_url=_SCHEMA)
        self._durations = meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Time that operations of the stores took.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._retries = meter.create_counter(
            "mastra_convex.retries", unit="{retry}", description="Requests to Convex that were repeated."
        )
        self._updates = meter.create_counter(
            "mastra_convex.updates", unit="{update}", description="States that watches gave."
        )
        self._reconnects = meter.create_counter(
            "mastra_convex.reconnects", unit="{reconnect}", description="Lost connections of live queries."
        )

    def span(self, name: str, attributes: Attributes, /) -> Span:
        if context.get_value(_SUPPRESS_INSTRUMENTATION_KEY):
            return Silence()
        return _Span(self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes))

    def duration(self, seconds: float, attributes: Attributes, /) -> None:
        self._durations.record(seconds, attributes)

    def retry(self, attributes: Attributes, /) -> None:
        self._retries.add(1, attributes)

    @contextmanager
    def untold(self) -> Generator[None]:
        token = context.attach(context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            yield
        finally:
            context.detach(token)

    def update(self, attributes: Attributes, /) -> None:
        self._updates.add(1, attributes)

    def reconnect(self, attributes: Attributes, /) -> None:
        self._reconnects.add(1, attributes)


class _Span:
    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def attach(self) -> Callable[[], object]:
        if not self._span.get_span_context().is_valid:  # nobody listens
            return _nothing
        token = context.attach(trace.set_span_in_context(self._span))
        return lambda: context.detach(token)

    def set(self, name: str, value: Value, /) -> None:
        self._span.set_attribute(name, value)

    def end(self, failure: Attributes, description: str | None = None, /) -> None:
        if failure:
            self._span.set_attributes(failure)
            self._span.set_status(trace.StatusCode.ERROR, description)
        self._span.end()


def _nothing() -> None:
    pass
