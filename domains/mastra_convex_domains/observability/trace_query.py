"""Queries finished traces as Mastra's Studio does (docs/contract.md, "Traces")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import Field

from mastra_convex.domain import (
    Bound,
    Condition,
    DomainStore,
    Id,
    Record,
    Row,
    Scan,
    UtcDatetime,
    each,
    from_json,
    parse,
    to_iso,
    to_json,
)
from mastra_convex.errors import TooLargeError

from .models import TraceQueryPage
from .predicates import Predicate, Values, predicate_of
from .reading import LIGHT, light_members
from .roots import LISTED, status_of, summary
from .tables import ROOTS, SPANS

_LOOKED_AT: Final = 10_000
"""Most traces that a query looks at for one page: a predicate is held against each."""

_WITH_SPANS: Final = 1_000
"""Most traces whose spans a query looks at."""

_AT_ONCE: Final = 100
"""Traces whose spans are read in one call."""


class QueryOrder(Record):
    """Orders a query by a time."""

    field: Literal["startedAt", "endedAt"]
    direction: Literal["asc", "desc"] = "desc"


class QueryTimeRange(Record):
    """Limits the start of traces: from the first time, before the second."""

    from_: UtcDatetime = Field(alias="from")
    to: UtcDatetime | None = None


class QueryPage(Record):
    """Asks for a page after a cursor."""

    limit: int = Field(default=25, ge=1, le=1000)
    after: Id | None = None


class TraceQuery(Record):
    """Is a query of finished traces, in Mastra's form."""

    time_range: QueryTimeRange
    where: dict[str, Any] | None = None
    order_by: list[QueryOrder] = Field(default_factory=list, max_length=1)
    page: QueryPage = Field(default_factory=QueryPage)


class TraceQueryMethods(DomainStore):
    """Queries traces by predicates."""

    async def query_traces(self, plan: Mapping[str, Any]) -> TraceQueryPage:
        """Returns a page of finished traces that a predicate holds for.

        A query without a predicate reads the page. With one, traces are looked at in order until the page is full; one
        that looks at spans reads these, too.

        Args:
            plan: `{"timeRange": {"from", "to"}, "where"?, "orderBy"?: [{"field", "direction"}], "page"?: {"limit",
                "after"}}`, with predicates in Mastra's form, as
                `{"op": "eq", "left": {"path": "status"}, "right": {"literal": "error"}}`.

        Returns:
            The traces, and the cursor of the next page.

        Raises:
            ValidationError: the plan is wrong.
            TooLargeError: too many traces were looked at for one page; a narrower time helps.
        """
        query = parse(TraceQuery, plan, "plan", operation="QUERY_TRACES")
        predicate = None if query.where is None else predicate_of(query.where)
        scan = _scan(query)
        bound = _WITH_SPANS if predicate is not None and predicate.needs_spans else _LOOKED_AT
        found: list[Row] = []
        looked_at = 0
        done = False
        while not done and len(found) < query.page.limit:
            # No more than are wanted, so that the cursor of the last one is that of the page.
            limit = min(query.page.limit - len(found), _AT_ONCE)
            step = await self._records.step(replace(scan, limit=limit))
            rows = list(step.rows)
            scan = replace(scan, cursor=step.cursor)
            done = step.done and len(rows) < limit
            looked_at += len(rows)
            found += rows if predicate is None else await self._matching(rows, predicate)
            if looked_at > bound and not done and len(found) < query.page.limit:
                raise TooLargeError(
                    f"{looked_at} traces were looked at for one page; choose a shorter timeRange, or filter by "
                    "list_traces, whose filters have indexes",
                    operation="QUERY_TRACES",
                )
        return TraceQueryPage(
            traces=await each(lambda row: summary(_listed(row)), found), next=None if done else scan.cursor
        )

    async def _matching(self, rows: Sequence[Row], predicate: Predicate) -> list[Row]:
        spans: Mapping[str, list[Values]] = await self._spans_of(rows) if predicate.needs_spans else {}
        return [row for row in rows if predicate.holds(_trace_values(row), spans.get(row["id"], []))]

    async def _spans_of(self, rows: Sequence[Row]) -> dict[str, list[Values]]:
        prefixes = [[row["id"]] for row in rows]
        paths = [*([name] for name in LIGHT), ["attributes", "model"], ["attributes", "provider"]]
        scan = Scan(table=SPANS.name, index="by_trace_started", prefixes=prefixes, paths=paths)
        spans: dict[str, list[Values]] = {}
        for values in (await self._records.read(scan)).values or () if rows else ():
            members = light_members(values[: len(LIGHT)])
            model, provider = (None if text is None else from_json(text) for text in values[len(LIGHT) :])
            started, ended = members.get("startedAt"), members.get("endedAt")
            members |= {
                "model": model,
                "provider": provider,
                "status": status_of(members.get("error"), ended),
                "durationMs": _duration(started, ended),
            }
            spans.setdefault(str(members["traceId"]), []).append(members)
        return spans


def _scan(query: TraceQuery) -> Scan:
    """Returns the scan of finished traces of the time, in order, after the cursor."""
    order = query.order_by[0] if query.order_by else QueryOrder(field="startedAt")
    lower = Bound(value=to_iso(query.time_range.from_))
    upper = Bound(value=to_iso(query.time_range.to or datetime.now(UTC)), inclusive=False)
    by_end = order.field == "endedAt"
    where = [Condition(path=["endedAt"], operator="exists", value="true")]
    if by_end:
        where = [
            Condition(path=["startedAt"], operator="gte", value=to_json(lower.value)),
            Condition(path=["startedAt"], operator="lt", value=to_json(upper.value)),
        ]
    return Scan(
        table=ROOTS.name,
        index="by_ended" if by_end else "by_started",
        lower=Bound(value="", inclusive=False) if by_end else lower,
        upper=None if by_end else upper,
        where=where,
        order=order.direction,
        cursor=query.page.after,
    )


def _listed(row: Row) -> list[str | None]:
    """Returns the columns that lists show, as JSON text."""
    return [None if row.get(name) is None else _json(name, row[name]) for name in LISTED]


def _json(name: str, value: Any) -> str:
    return value if ROOTS.field_by_name[name].json else to_json(value)


def _trace_values(row: Row) -> Values:
    parsed = {name: from_json(row[name]) for name in ("metadata", "tags") if row.get(name) is not None}
    return {
        **row,
        **parsed,
        "traceId": row["id"],
        "durationMs": _duration(row.get("startedAt"), row.get("endedAt")),
    }


def _duration(started: Any, ended: Any) -> float | None:
    if not isinstance(started, str) or not isinstance(ended, str):
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds() * 1000
