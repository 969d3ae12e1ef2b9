"""Takes OpenTelemetry's spans: of pydantic-ai, openinference, LangSmith, logfire, and whatever speaks `gen_ai`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Unpack

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import TraceFlags

from mastra_convex.tracing.otel_mapping import span_fields
from mastra_convex.tracing.target import Target
from mastra_convex.tracing.writer import SpanWriter, WriterOptions, writer_of

__all__ = ["StoreSpanExporter", "StoreSpanProcessor"]

_OURS: Final = "mastra_convex"
"""The scope of the spans that stores make of their operations: those of no agent, and without end if each made one."""


class StoreSpanProcessor(SpanProcessor):
    """Stores spans when they begin and when they end, so that running traces can be seen.

    Args:
        target: where to, as of `SpanWriter`; or a writer that others share.
        options: the optional arguments of `SpanWriter`.

    Raises:
        ConfigurationError: an argument is wrong.

    Example:
        provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=10_000))
        provider.add_span_processor(StoreSpanProcessor("agent.db"))
        with provider.get_tracer("app").start_as_current_span("work"):
            pass
        assert provider.force_flush()
    """

    def __init__(self, target: Target | SpanWriter = None, **options: Unpack[WriterOptions]) -> None:
        self.writer: SpanWriter = writer_of(target, **options)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Adds a span that begins."""
        _put(self.writer, span)

    def on_end(self, span: ReadableSpan) -> None:
        """Adds a span that ended."""
        _put(self.writer, span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Waits until all spans are stored, at most so long; returns whether they are."""
        return self.writer.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Stores what waits, and closes the writer."""
        self.writer.close()


class StoreSpanExporter(SpanExporter):
    """Stores spans that another processor collected, as OpenTelemetry's BatchSpanProcessor: those that ended.

    Args:
        target: where to, as of `SpanWriter`; or a writer that others share.
        options: the optional arguments of `SpanWriter`.

    Raises:
        ConfigurationError: an argument is wrong.

    Example:
        exporter = StoreSpanExporter("agent.db")
        provider.add_span_processor(BatchSpanProcessor(exporter))
        assert await exporter.aflush()
    """

    def __init__(self, target: Target | SpanWriter = None, **options: Unpack[WriterOptions]) -> None:
        self.writer: SpanWriter = writer_of(target, **options)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Adds spans that ended."""
        for span in spans:
            _put(self.writer, span)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Waits until all spans are stored, at most so long; returns whether they are."""
        return self.writer.flush(timeout_millis / 1000)

    async def aflush(self, timeout: float = 30.0) -> bool:
        """Waits so many seconds at most until all spans are stored, without holding the event loop."""
        return await self.writer.aflush(timeout)

    def shutdown(self) -> None:
        """Stores what waits, and closes the writer."""
        self.writer.close()


def _put(writer: SpanWriter, span: ReadableSpan) -> None:
    context, scope = span.context, span.instrumentation_scope
    if context is None or not context.trace_flags & TraceFlags.SAMPLED:
        return
    if scope is None or scope.name != _OURS:
        writer.put((context.trace_id, context.span_id), span_fields, span)
