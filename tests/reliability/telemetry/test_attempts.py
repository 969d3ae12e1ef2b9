"""HTTP requests as spans: retries, endings, and what is not sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from mastra_convex import AuthenticationError, ConvexStore, RequestTimeoutError, ServerError
from mastra_convex.engine.protocol import PROTOCOL, Commit
from mastra_convex.remote.engine import RemoteEngine
from tests.backends import KEY, remote_store
from tests.reliability.telemetry.listener import RETRIES, Listener, attributes, words
from tests.remote.conftest import FAST
from tests.remote.programmable import (
    Answer,
    Cut,
    Held,
    Lost,
    ProgrammableServer,
    Silent,
    programmable_server,
    success,
    system_error,
)

FOUND = success({"protocol": PROTOCOL, "results": [{"rows": [None]}]})


@pytest.fixture
async def server() -> AsyncIterator[ProgrammableServer]:
    async with programmable_server() as server:
        server.usual = FOUND
        yield server


@pytest.fixture
async def store(server: ProgrammableServer) -> AsyncIterator[ConvexStore]:
    async with remote_store(server.url, None, retry=FAST) as store:
        yield store


def facts(spans: list[ReadableSpan], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(attributes(span).get(name) for name in names) for span in spans]


async def test_each_attempt_is_a_span_of_its_operation(
    server: ProgrammableServer, store: ConvexStore, listener: Listener
) -> None:
    server.queue(system_error(503, "WorkerOverloaded"), Lost(), Cut(), Answer(b"<html>", 502))
    await store.memory.get_thread_by_id("t1")
    [operation] = listener.operations
    assert operation.status.status_code is StatusCode.UNSET
    assert facts(listener.attempts, "http.request.resend_count", "http.response.status_code", "error.type") == [
        (None, 503, "WorkerOverloaded"),
        (1, None, "ServerDisconnectedError"),
        (2, None, "ClientPayloadError"),
        (3, 502, "TransportError"),
        (4, 200, None),
    ]
    for attempt in listener.attempts:
        assert (attempt.name, attempt.kind) == ("POST /api/query", SpanKind.CLIENT)
        assert attempt.parent == operation.context
        url = f"{server.url}/api/query"
        assert attributes(attempt).items() >= {"http.request.method": "POST", "url.full": url}.items()
        assert attributes(attempt)["server.port"] == int(server.url.rpartition(":")[2])
    retries = listener.metrics()[RETRIES]
    counted = {attributes(point)["error.type"]: point.value for point in retries if isinstance(point, NumberDataPoint)}
    assert counted == dict.fromkeys(
        ("WorkerOverloaded", "ServerDisconnectedError", "ClientPayloadError", "TransportError"), 1
    )


@pytest.mark.parametrize(
    ("status", "code", "attempts", "expected"),
    [
        (500, "InternalServerError", 5, ServerError),
        (401, "BadAdminKey", 1, AuthenticationError),
    ],
)
async def test_what_the_deployment_answers_is_the_status_of_the_operation(
    status: int,
    code: str,
    attempts: int,
    expected: type[Exception],
    server: ProgrammableServer,
    store: ConvexStore,
    listener: Listener,
) -> None:
    server.usual = system_error(status, code, f"not with {KEY}")
    with pytest.raises(expected):
        await store.memory.get_thread_by_id("t1")
    assert facts(listener.operations, "error.type", "db.response.status_code") == [(expected.__name__, code)]
    assert facts(listener.attempts, "error.type", "http.response.status_code") == [(code, status)] * attempts
    assert KEY not in words(listener.spans)


async def test_cancellation_ends_all_spans(server: ProgrammableServer, store: ConvexStore, listener: Listener) -> None:
    held = Held(FOUND)
    server.queue(held)
    call = asyncio.create_task(store.memory.get_thread_by_id("t1"))
    await server.arrived(1)
    assert not listener.spans
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [span.name for span in listener.spans] == ["POST /api/query", "get_thread_by_id memory"]
    assert facts(listener.spans, "error.type") == [("CancelledError",)] * 2
    held.release.set()


async def test_a_deadline_ends_all_spans(server: ProgrammableServer, listener: Listener) -> None:
    server.usual = Silent()
    async with remote_store(server.url, None) as store:
        with pytest.raises(RequestTimeoutError):
            await store.memory.get_thread_by_id("t1")
    assert facts(listener.operations, "error.type") == [("RequestTimeoutError",)]
    assert [attempt.parent for attempt in listener.attempts] == [listener.operations[0].context] * 2


async def test_no_trace_context_is_sent(server: ProgrammableServer, store: ConvexStore, listener: Listener) -> None:
    with trace.get_tracer("a program").start_as_current_span("turn"):
        await store.memory.get_thread_by_id("t1")
    assert len(listener.attempts) == 1
    [seen] = server.seen
    assert not {"traceparent", "tracestate", "baggage"} & {name.lower() for name in seen.headers}


async def test_the_sweep_of_receipts_is_part_of_no_trace(
    server: ProgrammableServer, store: ConvexStore, listener: Listener
) -> None:
    result: dict[str, Any] = {"status": "done", "guard": None, "outcomes": [], "resume": None, "returned": []}
    server.usual = success({"protocol": PROTOCOL, "result": result})
    server.by_function["mastra/storage:sweep"] = success({"protocol": PROTOCOL, "deleted": 0, "done": True})
    remote: Any = store
    engine = RemoteEngine(remote._engine._transport, [], first_sweep_commits=1)
    with trace.get_tracer("a program").start_as_current_span("turn") as turn:
        await engine.commit(Commit(id="1"))
        await server.arrived(2)
        await server.idle()
        [sweeper] = [task for task in asyncio.all_tasks() if task.get_name() == "mastra_convex sweep"]
        await sweeper
    assert [span.parent for span in listener.attempts] == [turn.get_span_context(), None]
