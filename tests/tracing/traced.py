"""Gives what a writer has stored, read by another store on the same database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.tracing import SpanWriter
from mastra_convex_domains.observability import Span


async def spans_in(store: ConvexStore) -> list[Span]:
    """All spans of all traces that have a root, in the order in which they began."""
    page = await store.observability.list_traces(per_page=False)
    found = [await store.observability.get_trace(root.trace_id) for root in page.spans]
    return sorted((span for trace in found if trace for span in trace.spans), key=lambda span: span.started_at)


async def spans_of(path: Path) -> list[Span]:
    """The same of a file."""
    async with ConvexStore.local(path) as store:
        return await spans_in(store)


async def by_name(path: Path) -> dict[str, Span]:
    """The same, by name."""
    return {span.name: span for span in await spans_of(path)}


@asynccontextmanager
async def written(writer: SpanWriter) -> AsyncIterator[None]:
    """Stores at its end what was made within, and closes the writer."""
    yield
    assert await writer.aflush(timeout=60)
    assert not writer.dropped
    writer.close()


def found_in(directory: Path, *words: str) -> list[str]:
    """Those of the words that are anywhere in the files of a directory."""
    files = b"".join(file.read_bytes() for file in directory.iterdir())
    return [word for word in words if word.encode() in files]


def shape(spans: list[Span]) -> list[tuple[int, Any, str]]:
    """The tree of a trace: depth, type and name of each span."""
    parents = {span.span_id: span.parent_span_id for span in spans}

    def depth(id: str | None) -> int:
        return -1 if id is None else 1 + depth(parents.get(id))

    return [(depth(span.span_id), span.span_type, span.name) for span in spans]
