"""Lists traces and branches, and sums what was counted of traces (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from mastra_convex.domain import (
    DomainStore,
    Get,
    PageInfo,
    PageRequest,
    PerPage,
    Scan,
    each,
    from_json,
    order_column,
    page_request,
    parse,
    texts,
)

from .filters import BranchFilters, TimeRange, TraceFilters
from .models import (
    BranchPage,
    BranchSummary,
    TraceOrder,
    TracePage,
    TraceTotals,
    WholeTrace,
    WholeTracePage,
)
from .queries import branch_scan, checked_filters, ended_scans, trace_scan
from .reading import LIGHT, light_members
from .roots import LISTED, status_of, summary, totals_of
from .tables import ROOTS, SPANS
from .writing import span_of

Listed = Sequence[str | None]
"""The columns `LISTED` of a trace, as JSON text."""

_ORDERS: Final = tuple(order for order in get_args(TraceOrder) if not order.startswith("-"))


class ListingMethods(DomainStore):
    """Lists traces and branches."""

    async def list_traces(
        self,
        filters: TraceFilters | Mapping[str, Any] | None = None,
        *,
        order_by: TraceOrder = "-started_at",
        page: int = 0,
        per_page: PerPage = 10,
        include_total: bool = True,
    ) -> TracePage:
        """Lists a page of the traces whose root spans match all filters.

        With a filter by thread, run, session, resource, user, entity, status or organization, or none, in the order of
        the start, it reads little more than the page. A trace whose root was not stored is in no list.

        Args:
            filters: what must hold, as `{"threadId": "t1", "status": "error"}`; see `TraceFilters`.
            order_by: `started_at` or `ended_at`, with `-` before it for the newest first. By their end, those that run
                count as the newest.
            page: number of the page, from 0.
            per_page: traces on a page; False for all.
            include_total: False leaves `total` None, so that the rows after the page need not be counted.

        Returns:
            The page of traces, without what may be large.

        Raises:
            ValidationError: an argument is wrong.
        """
        rows, info = await self._page(filters, order_by, page, per_page, include_total=include_total)
        return TracePage(spans=await each(summary, rows), **info)

    list_traces_light = list_traces

    async def list_whole_traces(
        self,
        filters: TraceFilters | Mapping[str, Any] | None = None,
        *,
        order_by: TraceOrder = "-started_at",
        page: int = 0,
        per_page: PerPage = 10,
        include_total: bool = True,
    ) -> WholeTracePage:
        """Lists traces as `list_traces` does, with all that their root spans hold, in a second round trip.

        Args:
            filters: as in `list_traces`.
            order_by: as in `list_traces`.
            page: number of the page, from 0.
            per_page: traces on a page; False for all.
            include_total: False leaves `total` None.

        Returns:
            The page of traces.

        Raises:
            ValidationError: an argument is wrong.
        """
        rows, info = await self._page(filters, order_by, page, per_page, include_total=include_total)
        traces = await each(summary, rows)
        keys = [[trace.trace_id, trace.span_id] for trace in traces]
        found = (await self._records.read(Get(table=SPANS.name, keys=keys))).rows if keys else []
        roots = await each(lambda row: {} if row is None else vars(span_of(row)), found)
        spans = [
            WholeTrace.model_construct(**{**vars(trace), **{name: root.get(name) for name in _HEAVY}})
            for trace, root in zip(traces, roots, strict=True)
        ]
        return WholeTracePage(spans=spans, **info)

    async def list_branches(
        self,
        filters: BranchFilters | Mapping[str, Any] | None = None,
        *,
        order_by: TraceOrder = "-started_at",
        page: int = 0,
        per_page: PerPage = 10,
        include_total: bool = True,
    ) -> BranchPage:
        """Lists a page of runs of agents, workflows, processors and scorers and calls of tools, wherever they stand.

        In the order of their start it reads little more than the page and what filters leave out. The order of their
        end reads all that match.

        Args:
            filters: what must hold of the span, as `{"spanType": "tool_call"}`; see `BranchFilters`.
            order_by: as in `list_traces`.
            page: number of the page, from 0.
            per_page: spans on a page; False for all.
            include_total: False leaves `total` None.

        Returns:
            The page of spans, without what may be large.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST_BRANCHES"
        wanted = page_request(page, per_page, operation=operation)
        column, direction = order_column(order_by, _ORDERS, operation=operation)
        scan = branch_scan(checked_filters(BranchFilters, filters, operation=operation))
        scan = replace(scan, order=direction, paths=[[name] for name in LIGHT])
        if not scan.prefixes:
            return BranchPage(branches=[], **wanted.info(0 if include_total else None, has_more=False))
        if column == "started_at":
            found = await self._records.read(wanted.scan(scan, include_total=include_total))
            branches, matched = await each(_branch, found.values or ()), found.matched
        else:
            found = await self._records.read(scan)
            in_order = sorted(
                await each(_branch, found.values or ()),
                key=lambda span: (span.ended_at is None, span.ended_at),
                reverse=direction == "desc",
            )
            limit = None if wanted.limit is None else wanted.offset + wanted.limit + 1
            branches, matched = in_order[wanted.offset : limit], len(in_order)
        some, info = wanted.cut(branches, matched, include_total=include_total)
        return BranchPage(branches=[*some], **info)

    async def get_trace_totals(self, trace_ids: Sequence[str]) -> dict[str, TraceTotals]:
        """Returns tokens and errors of traces by their ids, in one round trip; unknown ones are left out."""
        ids = texts(trace_ids, "trace_ids", operation="GET_TRACE_TOTALS")
        found = await self._records.read(Get(table=ROOTS.name, keys=[[id] for id in ids], paths=_COUNTED))
        counted = zip(ids, found.values or (), strict=True)
        return {id: _totals([values]) for id, values in counted if values is not None}

    async def get_totals(self, *, started_at: TimeRange | Mapping[str, Any]) -> TraceTotals:
        """Returns tokens and errors of all traces that began within a range of times.

        One round trip for each 8,000 traces, which are read.

        Args:
            started_at: the range, as `{"start": ..., "end": ...}`; see `TimeRange`.
        """
        times = parse(TimeRange, started_at, "started_at", operation="GET_TOTALS")
        scan = trace_scan(TraceFilters(started_at=times))
        return _totals((await self._records.read(replace(scan, paths=_COUNTED))).values or ())

    async def _page(
        self,
        filters: TraceFilters | Mapping[str, Any] | None,
        order_by: TraceOrder,
        page: int,
        per_page: PerPage,
        *,
        include_total: bool,
    ) -> tuple[Sequence[Listed], PageInfo]:
        operation = "LIST_TRACES"
        wanted = page_request(page, per_page, operation=operation)
        checked = checked_filters(TraceFilters, filters, operation=operation)
        column, direction = order_column(order_by, _ORDERS, operation=operation)
        if column == "started_at":
            scan = replace(trace_scan(checked), order=direction, paths=_LISTED)
            found = await self._records.read(wanted.scan(scan, include_total=include_total))
            rows, matched = found.values or (), found.matched
        else:
            ended, running = (replace(scan, order=direction, paths=_LISTED) for scan in ended_scans(checked))
            in_order = (running, ended) if direction == "desc" else (ended, running)
            rows, matched = await self._one_after_the_other(wanted, in_order, include_total=include_total)
        return wanted.cut(rows, matched, include_total=include_total)

    async def _one_after_the_other(
        self, wanted: PageRequest, scans: Sequence[Scan], *, include_total: bool
    ) -> tuple[Sequence[Listed], int]:
        """Reads a page of several scans, one behind the other, in one round trip."""
        limit = None if wanted.limit is None else wanted.offset + wanted.limit + 1
        found = await self._records.read_all([replace(scan, limit=limit, total=bool(include_total)) for scan in scans])
        rows = [row for part in found for row in part.values or ()]
        return rows[wanted.offset : limit], sum(part.matched for part in found)


_HEAVY: Final = ("attributes", "request_context", "scope", "links", "input", "output", "metadata", "error")
"""Names the fields that only the whole root span has."""

_LISTED: Final = [[name] for name in LISTED]

_COUNTED: Final = [["marks"], ["status"]]


def _totals(found: Sequence[Sequence[str | None]]) -> TraceTotals:
    given = made = errors = running = failed = 0
    for marks, status in found:
        of_trace = totals_of(_marks(marks))
        given, made, errors = given + of_trace[0], made + of_trace[1], errors + of_trace[2]
        running += status == '"running"'
        failed += status == '"error"'
    return TraceTotals(
        traces=len(found), input_tokens=given, output_tokens=made, errors=errors, running=running, failed=failed
    )


def _marks(text: str | None) -> Any:
    return None if text is None else from_json(text)


def _branch(values: Sequence[str | None]) -> BranchSummary:
    members = light_members(values)
    status = status_of(members.get("error"), members.get("endedAt"))
    return BranchSummary.stored({**members, "status": status}, SPANS)
