"""Reads single spans and whole traces (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mastra_convex.domain import Condition, DomainStore, Get, Scan, each, from_json, integer, text, texts

from .models import Span, SpanSummary, Trace, TraceStructure
from .tables import SPANS
from .writing import span_of

LIGHT: Final = tuple(str(field.alias) for field in SpanSummary.model_fields.values())
"""The columns of a span without what may be large."""

_IN_TRACE: Final = tuple(name for name in LIGHT if name not in ("traceId", "updatedAt"))
"""Names the columns by which the structure of a trace is read: what is known is left out, as a trace may be long."""


class ReadingMethods(DomainStore):
    """Reads spans and traces by their ids."""

    async def get_span(self, trace_id: str, *, span_id: str) -> Span | None:
        """Returns a span, or None when there is none."""
        for name, value in (("trace_id", trace_id), ("span_id", span_id)):
            text(value, name, operation="GET_SPAN")
        [row] = (await self._records.read(Get(table=SPANS.name, keys=[[trace_id, span_id]]))).rows
        return None if row is None else span_of(row)

    async def get_spans(self, trace_id: str, *, span_ids: Sequence[str]) -> list[Span]:
        """Returns spans of one trace in the order of their ids; unknown ones are left out."""
        text(trace_id, "trace_id", operation="GET_SPANS")
        ids = texts(span_ids, "span_ids", operation="GET_SPANS")
        return await self._by_id(trace_id, ids)

    async def get_root_span(self, trace_id: str) -> Span | None:
        """Returns the root of a trace, or None when it was not stored."""
        text(trace_id, "trace_id", operation="GET_ROOT_SPAN")
        is_root = Condition(path=["parentSpanId"], operator="exists", value="false")
        scan = Scan(table=SPANS.name, index="by_trace_started", prefixes=[[trace_id]], where=[is_root], limit=1)
        rows = (await self._records.read(scan)).rows
        return span_of(rows[0]) if rows else None

    async def get_trace(self, trace_id: str) -> Trace | None:
        """Returns all spans of a trace by the time of their start, or None when there is none."""
        text(trace_id, "trace_id", operation="GET_TRACE")
        spans = await self._spans(trace_id)
        return Trace(trace_id=trace_id, spans=spans) if spans else None

    async def get_structure(self, trace_id: str) -> TraceStructure | None:
        """Returns all spans of a trace without what may be large, or None when there is none."""
        text(trace_id, "trace_id", operation="GET_STRUCTURE")
        spans = await self._structure(trace_id)
        return TraceStructure(trace_id=trace_id, spans=spans) if spans else None

    get_trace_light = get_structure

    async def get_branch(self, trace_id: str, *, span_id: str, depth: int | None = None) -> Trace | None:
        """Returns a span with the spans below it.

        Args:
            trace_id: id of the trace.
            span_id: id of the span.
            depth: how many levels below it; 0 for the span alone, None for all.

        Returns:
            The spans by the time of their start; None when there is no such span.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "GET_BRANCH"
        text(trace_id, "trace_id", operation=operation)
        text(span_id, "span_id", operation=operation)
        levels = None if depth is None else integer(depth, "depth", operation=operation, least=0)
        spans = await self._structure(trace_id)
        level = {span_id} & {span.span_id for span in spans}
        kept = set(level)
        while level and (levels is None or levels > 0):
            level = {span.span_id for span in spans if span.parent_span_id in level} - kept
            kept |= level
            levels = None if levels is None else levels - 1
        ids = [span.span_id for span in spans if span.span_id in kept]
        return Trace(trace_id=trace_id, spans=await self._by_id(trace_id, ids)) if ids else None

    async def _by_id(self, trace_id: str, ids: Sequence[str]) -> list[Span]:
        found = await self._records.read(Get(table=SPANS.name, keys=[[trace_id, id] for id in ids]))
        return await each(span_of, [row for row in found.rows if row is not None])

    async def _structure(self, trace_id: str) -> list[SpanSummary]:
        scan = Scan(
            table=SPANS.name, index="by_trace_started", prefixes=[[trace_id]], paths=[[name] for name in _IN_TRACE]
        )

        def light(values: Sequence[str | None]) -> SpanSummary:
            return SpanSummary.stored({"traceId": trace_id, **light_members(values, _IN_TRACE)}, SPANS)

        return await each(light, (await self._records.read(scan)).values or ())

    async def _spans(self, trace_id: str) -> list[Span]:
        scan = Scan(table=SPANS.name, index="by_trace_started", prefixes=[[trace_id]])
        return await each(span_of, (await self._records.read(scan)).rows)


def light_members(values: Sequence[str | None], columns: Sequence[str] = LIGHT) -> dict[str, object]:
    """Returns the columns of a span that were read alone, as JSON text."""
    return {name: from_json(value) for name, value in zip(columns, values, strict=True) if value is not None}
