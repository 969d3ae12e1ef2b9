"""What operations cost on Convex: calls, bytes and documents, never time. Counted by the Node host, its limits on."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import anyio
import orjson
import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import MemoryStore
from tests.backends import ConvexHost, remote_store
from tests.summary import RecordProperty


@dataclass
class Cost:
    """The counters of the calls since `Meter.start()`."""

    calls: int
    request_bytes: int
    response_bytes: int
    documents_read: int
    documents_written: int
    index_ranges: int
    largest_ranges: int


class Meter:
    def __init__(self, host: ConvexHost, record_property: RecordProperty) -> None:
        self._host = host
        self._record_property = record_property

    async def start(self) -> None:
        await self._host.reset(keep="data")

    async def cost(self) -> Cost:
        stats = await self._host.stats()
        totals: dict[str, Any] = stats["totals"]
        assert totals["error"] == totals["refused"] == 0, stats["calls"]
        cost = Cost(
            calls=totals["calls"],
            request_bytes=totals["requestBytes"],
            response_bytes=totals["responseBytes"],
            documents_read=totals["docsRead"],
            documents_written=totals["docsWritten"],
            index_ranges=totals["indexRanges"],
            largest_ranges=max((call["indexRanges"] for call in stats["calls"]), default=0),
        )
        self._record_property("cost", ", ".join(f"{value} {name}" for name, value in asdict(cost).items()))
        return cost


class _Interrupt(logging.Handler):
    """Cancels a scope when so many requests were answered."""

    def __init__(self, scope: anyio.CancelScope, requests: int) -> None:
        super().__init__()
        self._scope = scope
        self._left = requests

    def emit(self, record: logging.LogRecord) -> None:
        self._left -= 1
        if self._left == 0:
            self._scope.cancel()


@contextmanager
def interrupted(requests: int, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Cancels what is done within when so many requests of it were answered."""
    log = logging.getLogger("mastra_convex.http")
    caplog.set_level(logging.DEBUG, log.name)
    with anyio.CancelScope() as scope:
        interrupt = _Interrupt(scope, requests)
        log.addHandler(interrupt)
        try:
            yield
        finally:
            log.removeHandler(interrupt)
    assert scope.cancelled_caught


def page_bytes(rows: list[dict[str, Any]]) -> int:
    """The JSON of the rows of a page: what the table of costs compares a response with."""
    return len(orjson.dumps(rows))


@pytest.fixture
async def store(host: ConvexHost) -> AsyncIterator[ConvexStore]:
    await host.reset()
    async with remote_store(host.url, None) as store:
        await store.init()  # the first call also carries what the store needs
        yield store


@pytest.fixture
def memory(store: ConvexStore) -> MemoryStore:
    return store.memory


@pytest.fixture
def meter(host: ConvexHost, store: ConvexStore, record_property: RecordProperty) -> Meter:
    return Meter(host, record_property)
