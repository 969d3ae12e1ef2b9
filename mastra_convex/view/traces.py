"""Pages of traces: a list, and a trace as a tree of spans with bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from mastra_convex.domain import Bound, Get, Scan
from mastra_convex.engine.protocol import Read
from mastra_convex.view.charts import bars
from mastra_convex.view.page import Query, Site, not_found
from mastra_convex.view.reading import Columns
from mastra_convex.view.shown import moment_of, row_link

ROOTS: Final = "mastra_trace_roots"
SPANS: Final = "mastra_ai_spans"
_INDEXES: Final[Mapping[str, str]] = {
    "thread": "by_thread_started",
    "run": "by_run_started",
    "resource": "by_resource_started",
    "agent": "by_entity_name_started",
    "status": "by_status_started",
}
"""The index of each filter, the most selective first."""
_FIELDS: Final[Mapping[str, str]] = {
    "thread": "threadId", "run": "runId", "resource": "resourceId", "agent": "entityName", "status": "status",
}  # fmt: skip
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("spanId",),
    "parent": ("parentSpanId",),
    "name": ("name",),
    "type": ("spanType",),
    "started": ("startedAt",),
    "ended": ("endedAt",),
    "failed": ("error",),
}
_SPANS: Final = 150
"""Spans on a page; a longer trace goes on on the next one."""


async def traces(site: Site, query: Query) -> web.Response:
    """Lists the newest traces, by thread, run, resource, agent and status."""
    wanted = {name: query.text(name) for name in _INDEXES if query.text(name)}
    first = next(iter(wanted), None)
    scan = Scan(
        table=ROOTS,
        index="by_started" if first is None else _INDEXES[first],
        prefixes=[[] if first is None else [wanted[first]]],
        lower=Bound(value="", inclusive=False),  # a trace whose root was not written yet has no start
        order="desc",
        cursor=query.cursor,
    )

    def matches(row: Columns) -> bool:
        return all(row.get(_FIELDS[name]) == value for name, value in wanted.items())

    listing = await site.reader.page(scan, keep=matches if len(wanted) > 1 else None)
    rows = [{**row, "tokens": tokens(row.get("marks")), "took": _took(row)} for row in listing.rows]
    return await site.page(
        "traces.html", query, section="Traces", title="Traces", listing=listing, traces=rows, filters=list(_INDEXES)
    )


async def trace(site: Site, query: Query) -> web.Response:
    """Shows the spans of a trace as a tree."""
    id = query.text("id")
    spans = Scan(table=SPANS, index="by_trace_started", prefixes=[[id]], cursor=query.cursor, limit=_SPANS)
    wanted: list[Read[Any]] = [Get(table=ROOTS, keys=[[id]]), site.reader.scan(spans, _COLUMNS)]
    got, found = await site.reader.once(wanted)
    root = await site.reader.row(ROOTS, got)
    listing = await site.reader.listing(SPANS, found, _COLUMNS, limit=_SPANS)
    if root is None and not listing.rows:
        raise not_found("trace", id)
    marks = (root or {}).get("marks")
    ordered = tree(listing.rows)
    placed = bars((span["started"], span["ended"]) for _, span in ordered)
    shown = [
        {
            **span,
            "depth": depth,
            "bar": bar,
            "status": "error" if span["failed"] is not None else "running" if span["ended"] is None else "",
            "tokens": tokens({span["id"]: marks.get(span["id"])}) if isinstance(marks, Mapping) else None,
            "page": row_link(SPANS, [id, span["id"]]),
        }
        for (depth, span), bar in zip(ordered, placed, strict=True)
    ]
    return await site.page(
        "trace.html",
        query,
        section="Traces",
        title=(root or {}).get("name") or id,
        id=id,
        root=root,
        tokens=tokens(marks),
        spans=shown,
        listing=listing,
        raw=row_link(ROOTS, [id], "/raw"),
    )


def tree(spans: Sequence[Columns]) -> list[tuple[int, Columns]]:
    """Returns the spans below their parents, each with its depth. One whose parent is not there, or is below itself,
    is at the top.
    """
    ids = {span["id"] for span in spans}
    children: dict[Any, list[Columns]] = {}
    for span in spans:
        parent = span["parent"] if span["parent"] in ids and span["parent"] != span["id"] else None
        children.setdefault(parent, []).append(span)
    ordered: list[tuple[int, Columns]] = []
    done: set[Any] = set()
    waiting = [(0, span) for span in reversed([*children.get(None, []), *spans])]
    while waiting:
        depth, span = waiting.pop()
        if span["id"] in done:
            continue
        done.add(span["id"])
        ordered.append((depth, span))
        waiting += [(depth + 1, child) for child in reversed(children.get(span["id"], []))]
    return ordered


def tokens(marks: Any) -> dict[str, int] | None:
    """Returns the tokens that calls of models have read and written; None where none are known."""
    found = [mark for mark in marks.values() if isinstance(mark, Mapping)] if isinstance(marks, Mapping) else []
    sums = {
        name: sum(mark[key] for mark in found if isinstance(mark.get(key), int | float))
        for name, key in (("input", "i"), ("output", "o"))
    }
    return sums if any(sums.values()) else None


def _took(row: Columns) -> float | None:
    start, end = moment_of(row.get("startedAt")), moment_of(row.get("endedAt"))
    return None if start is None or end is None else (end - start).total_seconds() * 1000
