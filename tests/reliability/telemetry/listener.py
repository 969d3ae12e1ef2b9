"""An OpenTelemetry SDK that keeps what it is told in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

DURATION = "db.client.operation.duration"
RETRIES = "mastra_convex.retries"

Points = Sequence[HistogramDataPoint | NumberDataPoint]


class Listener:
    """Spans that have ended, and metrics since they were last asked for."""

    def __init__(self) -> None:
        since_then: dict[type, AggregationTemporality] = dict.fromkeys(
            (Counter, Histogram), AggregationTemporality.DELTA
        )
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader(preferred_temporality=since_then)
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._meters = MeterProvider([self._reader])

    def install(self) -> None:
        """As a program does once, at its start."""
        trace.set_tracer_provider(self._tracers)
        metrics.set_meter_provider(self._meters)

    def shut_down(self) -> None:
        self._tracers.shutdown()
        self._meters.shutdown()

    def forget(self) -> None:
        self._exporter.clear()
        self.metrics()

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    @property
    def operations(self) -> list[ReadableSpan]:
        return [span for span in self.spans if "db.operation.name" in attributes(span)]

    @property
    def attempts(self) -> list[ReadableSpan]:
        return [span for span in self.spans if "http.request.method" in attributes(span)]

    def metrics(self) -> dict[str, Points]:
        data = self._reader.get_metrics_data()
        found = [
            metric
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        return {metric.name: metric.data.data_points for metric in found}  # type: ignore[misc]


def attributes(told: ReadableSpan | HistogramDataPoint | NumberDataPoint) -> dict[str, Any]:
    return dict(told.attributes or {})


def words(spans: Iterable[ReadableSpan]) -> str:
    """All that spans say."""
    return "\n".join(span.to_json() for span in spans)
