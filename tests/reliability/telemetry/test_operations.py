"""One span and one duration for each call of a domain, whatever it does and however it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextvars import copy_context
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import HistogramDataPoint
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from mastra_convex import CompositeStore, ConvexStore, NotFoundError, ValidationError
from mastra_convex.local.engine import LocalEngine
from mastra_convex_domains import MemoryStore, Message, Thread
from tests.backends import KEY, Backend
from tests.data import messages, thread
from tests.reliability.telemetry.calls import CALLS, PRIVATE, public_methods, run
from tests.reliability.telemetry.listener import DURATION, Listener, attributes, words
from tests.watching import watching


def database(backend: Backend, id: str) -> dict[str, Any]:
    """What the conventions ask to be told of the database."""
    if backend.name in ("memory", "sqlite"):
        return {"db.system.name": "sqlite", "db.namespace": id}
    engine: Any = backend.engine()
    url = urlsplit(engine._transport.config.deployment_url)
    port = url.port or 443
    return {"db.system.name": "convex", "db.namespace": id, "server.address": url.hostname, "server.port": port}


async def test_every_method_of_every_domain_is_one_operation(
    store: ConvexStore, backend: Backend, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mastra_convex")
    told: list[ReadableSpan] = []
    for domain, method, args, options in CALLS:
        found = await store.get_store(domain)
        assert found is not None
        await run(found, method, *args, **options)
        [operation] = listener.operations
        name = getattr(type(found), method).__name__  # of the two names of a method, the first
        expected = {**database(backend, store.id), "db.operation.name": name, "db.collection.name": domain}
        assert attributes(operation).items() >= expected.items()
        assert attributes(operation).keys() - expected.keys() <= {"db.response.returned_rows"}
        assert (operation.name, operation.kind) == (f"{name} {domain}", SpanKind.CLIENT)
        assert operation.status.status_code is StatusCode.UNSET
        assert operation.parent is None
        assert all(attempt.parent == operation.context for attempt in listener.attempts)
        assert len(listener.spans) == 1 + len(listener.attempts)
        [point] = listener.metrics()[DURATION]
        assert isinstance(point, HistogramDataPoint)
        assert (point.count, attributes(point)) == (1, expected)
        assert tuple(point.explicit_bounds) == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
        told += listener.spans
        listener.forget()

    assert {(domain, method) for domain, method, *_ in CALLS} == public_methods()
    remote = "server.address" in database(backend, store.id)
    assert (len(told) > 2 * len(CALLS)) is remote  # each operation has an HTTP request, or several
    for text in (words(told), caplog.text):
        assert "save_messages" in text
        assert PRIVATE not in text
        assert KEY not in text


@pytest.mark.parametrize(("domain", "method"), sorted(public_methods()))
async def test_every_method_tells_that_it_was_called_wrongly(
    domain: str, method: str, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mastra_convex")
    async with ConvexStore.local(":memory:") as store:
        found = await store.get_store(domain)
        assert found is not None
        with pytest.raises((TypeError, ValidationError)) as caught:
            await run(found, method, PRIVATE, PRIVATE, PRIVATE)
    [operation] = listener.spans
    assert attributes(operation)["error.type"] == type(caught.value).__name__
    assert operation.status.status_code is StatusCode.ERROR
    [point] = listener.metrics()[DURATION]
    assert attributes(point)["error.type"] == type(caught.value).__name__
    assert PRIVATE not in words([operation]) + caplog.text


async def test_an_error_is_told_by_its_class_and_id_alone(memory: MemoryStore, listener: Listener) -> None:
    with pytest.raises(NotFoundError, match=PRIVATE):
        await memory.update_thread(PRIVATE, title="x")
    [operation] = listener.operations
    assert attributes(operation)["error.type"] == "NotFoundError"
    assert operation.status.description == "MASTRA_STORAGE_CONVEX_UPDATE_THREAD_THREAD_NOT_FOUND"
    assert not operation.events
    assert PRIVATE not in words(listener.spans)


async def test_pages_and_iterators_tell_their_rows(memory: MemoryStore, listener: Listener) -> None:
    await memory.save_messages(messages(5))
    listener.forget()
    await memory.list_messages("t1", per_page=3)
    await memory.list_messages("t1", per_page=0)
    assert [message async for message in memory.iter_messages("t1", batch_size=2)]
    assert [attributes(operation)["db.response.returned_rows"] for operation in listener.operations] == [3, 0, 5]


async def test_operations_belong_to_the_trace_of_their_caller(
    memory: MemoryStore, backend: Backend, listener: Listener
) -> None:
    tracer = trace.get_tracer("a program")
    with tracer.start_as_current_span("turn") as turn:
        await asyncio.gather(*(memory.save_thread(thread(f"t{n}")) for n in range(20)))
        assert trace.get_current_span() is turn
    assert len(listener.operations) == 20
    for operation in listener.operations:
        assert operation.parent == turn.get_span_context()
    parents = [operation.context for operation in listener.operations]
    assert len(listener.attempts) == (0 if backend.name in ("memory", "sqlite") else 20)
    assert all(attempt.parent in parents for attempt in listener.attempts)


async def test_an_iterator_leaves_its_caller_alone_between_its_steps(memory: MemoryStore, listener: Listener) -> None:
    for n in range(3):
        await memory.save_thread(thread(f"t{n}"))
    listener.forget()
    iterator = memory.iter_threads(batch_size=1)
    assert not listener.spans
    seen = 0
    async for found in iterator:
        assert not trace.get_current_span().get_span_context().is_valid
        await memory.list_messages(found.id)
        seen += 1
    *lists, iteration = listener.operations
    assert seen == len(lists) == 3
    assert iteration.name == "iter_threads memory"
    assert [operation.parent for operation in listener.operations] == [None] * 4


async def test_an_iterator_that_is_left_early_ends_well_in_any_task(memory: MemoryStore, listener: Listener) -> None:
    await memory.save_messages(messages(5))
    listener.forget()
    iterator = cast(AsyncGenerator[Message], memory.iter_messages("t1", batch_size=1))
    await anext(iterator)
    assert not listener.operations

    async def leave() -> None:
        await iterator.aclose()

    await asyncio.create_task(leave())
    [operation] = listener.operations
    assert attributes(operation)["db.response.returned_rows"] == 1
    assert operation.status.status_code is StatusCode.UNSET


async def test_an_iterator_that_fails_on_its_way(listener: Listener) -> None:
    async with ConvexStore.local(":memory:") as store:
        await store.memory.save_messages(messages(2))
        iterator = store.memory.iter_messages("t1", batch_size=1)
        await anext(iterator)
    with pytest.raises(Exception, match="closed"):
        await anext(iterator)
    operation = listener.operations[-1]
    assert attributes(operation).items() >= {"error.type": "ClosedError", "db.response.returned_rows": 1}.items()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_an_operation_that_is_thrown_away_ends(
    elsewhere: bool, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    async with ConvexStore.local(":memory:") as store:
        call = store.memory.list_threads()
        if elsewhere:
            copy_context().run(call.send, None)
        else:
            call.send(None)
        assert trace.get_current_span().get_span_context().is_valid is not elsewhere
        call.close()
        assert not trace.get_current_span().get_span_context().is_valid
    [operation] = listener.spans
    assert attributes(operation)["error.type"] == "GeneratorExit"
    assert not caplog.records


async def test_domains_of_a_composite_tell_their_own_stores(listener: Listener) -> None:
    async with CompositeStore(
        id="app",
        default=ConvexStore.local(":memory:", id="one"),
        domains={"scores": ConvexStore.local(":memory:", id="two")},
    ) as app:
        await app.memory.get_thread_by_id("t1")
        await app.scores.get_score_by_id("s1")
        await app.prune({"memory": {"messages": "1d"}, "scores": {"scorers": "1d"}})
    told = [(span.name, attributes(span)["db.namespace"]) for span in listener.spans]
    assert told == [
        ("get_thread_by_id memory", "one"),
        ("get_score_by_id scores", "two"),
        ("prune memory", "one"),
        ("prune scores", "two"),
    ]


async def test_a_domain_without_a_store_tells_the_system(listener: Listener) -> None:
    engine = LocalEngine(":memory:", MemoryStore.tables)
    await MemoryStore.on(engine).save_thread(Thread(id="t1", resource_id="u1"))
    await engine.aclose()
    [operation] = listener.spans
    assert attributes(operation)["db.system.name"] == "sqlite"
    assert "db.namespace" not in attributes(operation)


async def test_a_watch_counts_its_states(store: ConvexStore, listener: Listener) -> None:
    async with watching(store.thread_state.watch_state("t1", type="goal")) as states:
        await states.next()
        await store.thread_state.set_state("t1", type="goal", value=1)
        await states.next()
    [point] = listener.metrics()["mastra_convex.updates"]
    assert not isinstance(point, HistogramDataPoint)
    assert (point.value, attributes(point)["db.operation.name"]) == (2, "watch_state")
