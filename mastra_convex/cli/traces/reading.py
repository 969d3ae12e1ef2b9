"""Reads traces from a store, as mappings with Mastra's names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from mastra_convex.cli.traces.figures import Span
from mastra_convex.errors import ValidationError
from mastra_convex.retention import RetentionPolicy
from mastra_convex.store_base import DomainAccess

Trace = dict[str, Any]
"""A trace as lists have it: its root without content, with `status`, `inputPreview` and the sum of tokens."""

_PAGE: Final = 100
_FIRST_FOLLOWED: Final = 10
_LATE: Final = timedelta(minutes=10)
"""Limits how long after its begin a trace may be stored: who follows sees it although newer ones are there."""


@dataclass(frozen=True)
class Filters:
    """Selects traces by what their roots tell."""

    thread: str | None = None
    run: str | None = None
    resource: str | None = None
    user: str | None = None
    agent: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    trace: str | None = None

    def members(self) -> dict[str, Any]:
        """The filters of `list_traces`."""
        members: dict[str, Any] = {
            "trace_id": self.trace,
            "thread_id": self.thread,
            "run_id": self.run,
            "resource_id": self.resource,
            "user_id": self.user,
            "entity_name": self.agent,
            "status": self.status,
        }
        if self.since or self.until:
            bounds = {"start": self.since, "end": self.until}
            members["started_at"] = {name: time for name, time in bounds.items() if time is not None}
        return {name: value for name, value in members.items() if value is not None}


async def listed(store: DomainAccess, filters: Filters, limit: int) -> list[Trace]:
    """The newest traces, as lists have them."""
    return [trace async for trace in _roots(store, filters, limit)]


async def whole(store: DomainAccess, filters: Filters, limit: int | None) -> AsyncIterator[list[Span]]:
    """The newest traces with all spans."""
    async for root in _roots(store, filters, limit):
        yield await spans_of(store, root["traceId"])


async def spans_of(store: DomainAccess, trace_id: str) -> list[Span]:
    """The spans of a trace, in the order in which they began; none if there is no such trace."""
    trace = await store.observability.get_trace(trace_id)
    return [] if trace is None else [span.model_dump(by_alias=True) for span in trace.spans]


async def followed(store: DomainAccess, filters: Filters, interval: float) -> AsyncIterator[Trace]:
    """Traces when they are first seen, and again when they have ended; it goes on for ever."""
    told: dict[str, Trace] = {}
    found = [trace async for trace in _roots(store, filters, _FIRST_FOLLOWED)]
    while True:
        for trace in sorted(found, key=lambda trace: trace["startedAt"]):
            known = told.get(trace["traceId"])
            if known is None or known["status"] != trace["status"]:
                told[trace["traceId"]] = trace
                yield trace
        await asyncio.sleep(interval)
        since = max((trace["startedAt"] for trace in told.values()), default=datetime.now(UTC)) - _LATE
        told = {id: trace for id, trace in told.items() if trace["startedAt"] >= since or trace["status"] == "running"}
        found = [trace async for trace in _roots(store, replace(filters, since=since), None)]
        for id in told.keys() - {trace["traceId"] for trace in found}:  # still running, as far as is known
            found += [trace async for trace in _roots(store, Filters(trace=id), 1)]


def time_of(text: str | None) -> datetime | None:
    """The time of an age as 2h, or of an ISO date or time, UTC where it names no zone."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - _age(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _age(text: str) -> timedelta:
    try:
        return RetentionPolicy(max_age=text).max_age
    except ValidationError as error:
        raise ValidationError(
            f"a time is an age as 2h or 7d, or an ISO time, not {text!r}", operation="TRACES"
        ) from error


async def _roots(store: DomainAccess, filters: Filters, limit: int | None) -> AsyncIterator[Trace]:
    seen: set[str] = set()  # a trace that begins meanwhile moves the others on, some of them to the next page
    for page in count():
        answer = await store.observability.list_traces(
            filters.members(), page=page, per_page=_PAGE, include_total=False
        )
        for span in answer.spans:
            if len(seen) == limit:
                return
            if span.trace_id not in seen:
                seen.add(span.trace_id)
                yield span.model_dump(by_alias=True)
        if not answer.has_more:
            return
