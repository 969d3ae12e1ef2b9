"""The writer neither blocks nor fails who makes spans, keeps what it can, and counts what it drops."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConfigurationError, ConvexStore
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import declared_tables
from mastra_convex.server import LocalServer
from mastra_convex.testing.convex_host import KEY
from mastra_convex.tracing import SpanWriter
from tests.tracing.traced import spans_in, spans_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fields_of(number: int) -> dict[str, Any]:
    """The fields of a span, as a source makes them of what its framework hands over."""
    if number < 0:
        raise ValueError("no number")
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "name": f"span {number}" if number != 13 else 13,  # which the store refuses
        "span_type": "generic",
        "is_event": False,
        "started_at": NOW,
        "ended_at": NOW,
    }


def put(writer: SpanWriter, *numbers: int) -> None:
    for number in numbers:
        writer.put((number, number), fields_of, number)


def settings(url: str) -> dict[str, Any]:
    return {"deployment_url": url, "admin_auth_token": KEY, "timeout": 0.5}


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """A server that takes connections and never answers."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda reader, writer: held.append(writer), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for connection in held:
        connection.close()
    server.close()


async def test_a_server_that_hangs_blocks_nobody_and_drops_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    async with silent_server() as url:
        writer = SpanWriter(settings(url), queue_size=100, interval=0.01, exit_timeout=0.2)
        put(writer, *range(20, 120))
        assert not await writer.aflush(timeout=0.1)  # all of it is on its way now
        put(writer, *range(200, 250))
        assert writer.dropped == {"the queue was full": 50}
        with caplog.at_level(logging.WARNING, "mastra_convex.tracing"):
            started = time.monotonic()
            await asyncio.to_thread(writer.close)
            assert time.monotonic() - started < 10
        assert writer.dropped == {"the queue was full": 50, "they could not be stored before the end": 100}
        assert "50: the queue was full" in caplog.text


async def test_what_waits_is_stored_when_the_server_is_back() -> None:
    engine = LocalEngine(":memory:", declared_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        url = server.url
    writer = SpanWriter(settings(url), interval=0.01)
    put(writer, *range(20, 40))
    assert not await writer.aflush(timeout=0.2)
    async with LocalServer(engine, admin_key=KEY, port=int(url.rsplit(":", 1)[1])) as server:
        put(writer, *range(40, 60))
        assert await writer.aflush(timeout=60)
        assert not writer.dropped
        async with ConvexStore(id="t", deployment_url=server.url, admin_auth_token=KEY) as store:
            assert {span.name for span in await spans_in(store)} == {f"span {number}" for number in range(20, 60)}
        await asyncio.to_thread(writer.close)
    await engine.aclose()


async def test_a_span_that_ends_while_it_is_held_needs_no_second_place() -> None:
    """Or a queue as large as a program's spans loses the last ones, one for each that was open at a write."""
    engine = LocalEngine(":memory:", declared_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server:
        url = server.url
    writer = SpanWriter(settings(url), queue_size=3, interval=0.01)
    is_held = threading.Event()

    def begun(number: int) -> dict[str, Any]:
        is_held.set()
        return {**fields_of(number), "ended_at": None}

    writer.put((20, 20), begun, 20)
    assert await asyncio.to_thread(is_held.wait, 60)  # by the writer, which cannot store it
    put(writer, 21, 22, 20)
    assert not writer.dropped
    put(writer, 23)
    assert writer.dropped == {"the queue was full": 1}
    async with LocalServer(engine, admin_key=KEY, port=int(url.rsplit(":", 1)[1])) as server:
        assert await writer.aflush(timeout=60)
        put(writer, 24, 25, 26)  # there is room for as many as before
        assert await writer.aflush(timeout=60)
        assert writer.dropped == {"the queue was full": 1}
        async with ConvexStore(id="t", deployment_url=server.url, admin_auth_token=KEY) as store:
            ended = {span.name: span.ended_at for span in await spans_in(store)}
        assert ended == {f"span {number}": NOW for number in (20, 21, 22, 24, 25, 26)}
        await asyncio.to_thread(writer.close)
    await engine.aclose()


def test_what_was_dropped_before_the_store_is_open_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    may_open = threading.Event()

    def open_later() -> ConvexStore:
        may_open.wait(60)
        return ConvexStore.local(tmp_path / "agent.db")

    writer = SpanWriter(open_later, queue_size=2)
    put(writer, 20, 21, 22)
    with caplog.at_level(logging.WARNING, "mastra_convex.tracing"):
        may_open.set()
        writer.close()
    assert writer.dropped == {"the queue was full": 1}
    assert "1: the queue was full" in caplog.text


async def test_a_span_that_is_refused_takes_no_other_with_it(tmp_path: Path) -> None:
    writer = SpanWriter(tmp_path / "agent.db")
    put(writer, 11, 12, 13, -1, 14)
    assert await writer.aflush()
    assert writer.dropped == {"the store refused them": 1, "they could not be converted": 1}
    put(writer, 15)
    writer.close()
    assert {span.name for span in await spans_of(tmp_path / "agent.db")} == {f"span {n}" for n in (11, 12, 14, 15)}


async def test_a_writer_that_was_closed_begins_anew(tmp_path: Path) -> None:
    writer = SpanWriter(tmp_path / "agent.db")
    for number in (20, 21):
        put(writer, number)
        writer.close()
        writer.close()
    assert len(await spans_of(tmp_path / "agent.db")) == 2


async def test_a_span_within_an_interval_is_one_write(tmp_path: Path) -> None:
    states: list[Any] = []

    def change(fields: dict[str, Any]) -> dict[str, Any]:
        states.append(fields["ended_at"])
        return fields

    writer = SpanWriter(tmp_path / "agent.db", content=change)
    writer.put((1, 1), lambda _: {**fields_of(1), "ended_at": None}, None)
    put(writer, 1)
    writer.close()
    assert states == [NOW]


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (":memory:", {}),
        (7, {}),
        ({"nonsense": 1}, {}),
        ("agent.db", {"content": "no"}),
        ("agent.db", {"queue_size": 0}),
        ("agent.db", {"interval": -1}),
    ],
)
def test_wrong_arguments_are_refused_at_once(
    target: Any, options: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError):
        SpanWriter(target, **options)
    assert list(tmp_path.iterdir()) == []
