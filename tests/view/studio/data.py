"""What the store of these tests has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mastra_convex import ConvexStore

START = datetime(2026, 1, 2, tzinfo=UTC)
ODD = "größe/../?a=%20#x"
"""An id that a path cannot hold."""

GRAPH = [
    {"type": "step", "step": {"id": "plan", "description": "Plans the trip"}},
    {
        "type": "parallel",
        "steps": [{"type": "step", "step": {"id": "hotel"}}, {"type": "step", "step": {"id": "train"}}],
    },
    {"type": "sleep", "id": "pause", "duration": 1000},
]
DONE = {"status": "success", "output": {"city": "Oslo"}, "startedAt": 1767312000000, "endedAt": 1767312001000}


async def fill(store: ConvexStore, start: datetime = START) -> None:
    await _threads(store)
    await _runs(store)
    await _scores(store)
    await _traces(store, start)


async def _threads(store: ConvexStore) -> None:
    for id, resource, title in (("trip", "user-1", "A trip"), (ODD, ODD, "Odd <b>ids</b>")):
        times = {"created_at": START, "updated_at": START}
        await store.memory.save_thread(
            {"id": id, "resource_id": resource, "title": title, "metadata": {"a": 1}, **times}
        )
        words = ["Where is Oslo?", "In Norway.", "And Bergen?", "In Norway, too."]
        await store.memory.save_messages(
            [
                {
                    "id": f"{id}-{number}",
                    "thread_id": id,
                    "resource_id": resource,
                    "role": "assistant" if number % 2 else "user",
                    "content": text,
                    "created_at": START + timedelta(minutes=number),
                }
                for number, text in enumerate(words)
            ]
        )
    await store.memory.update_resource("user-1", working_memory="Likes trains")


async def _runs(store: ConvexStore) -> None:
    context = {"input": {"city": "Oslo"}, "plan": DONE}
    snapshots: list[tuple[str, dict[str, Any]]] = [
        ("done", {"status": "success", "result": {"booked": True}}),
        ("failed", {"status": "failed", "error": {"message": "no hotel"}}),
        ("running", {"status": "running"}),
        ("waits", {"status": "suspended", "context": {**context, "hotel": {"status": "suspended", "startedAt": 1}}}),
    ]
    for run, snapshot in snapshots:
        whole = {"context": context, "serializedStepGraph": GRAPH, "value": {"a": 1}, "activeStepsPath": {"plan": [0]}}
        await store.workflows.persist_workflow_snapshot("book", run_id=run, snapshot={**whole, **snapshot})
    await store.workflows.persist_workflow_snapshot(ODD, run_id=ODD, snapshot={"status": "running", "context": context})


async def _scores(store: ConvexStore) -> None:
    for number, scorer in enumerate(["accuracy", "accuracy", ODD]):
        await store.scores.save_score(
            {
                "scorer_id": scorer,
                "scorer": {"name": "Accuracy", "description": "How right it is"},
                "score": number / 2,
                "source": "LIVE",
                "run_id": "done",
                "entity_id": "guide",
                "entity_type": "AGENT",
                "entity": {},
                "output": "In Norway.",
                "reason": "right",
                "trace_id": "trace-1",
                "span_id": "root",
                "created_at": START + timedelta(minutes=number),
            }
        )


async def _traces(store: ConvexStore, start: datetime) -> None:
    for number, trace in enumerate(["trace-1", ODD]):
        begun = start + timedelta(hours=number)
        times = {"started_at": begun, "ended_at": begun + timedelta(seconds=2)}
        root = {
            "trace_id": trace,
            "span_id": "root",
            "name": "agent run: 'guide'",
            "span_type": "agent_run",
            "entity_type": "agent",
            "entity_id": "guide",
            "entity_name": "guide",
            "thread_id": ODD if number else "trip",
            "resource_id": ODD if number else "user-1",
            "service_name": "app",
            "environment": "test",
            "tags": ["beta"],
            "input": [{"role": "user", "content": "Where is Oslo?"}],
            **times,
        }
        usage = {"inputTokens": 50, "outputTokens": 5}
        model = {
            **{name: root[name] for name in ("trace_id", "started_at", "ended_at")},
            "span_id": ODD,
            "parent_span_id": "root",
            "name": "llm: 'm'",
            "span_type": "model_generation",
            "attributes": {"model": "m", "usage": usage},
        }
        failed = {**model, "span_id": "tool", "span_type": "tool_call", "attributes": None, "error": {"message": "no"}}
        await store.observability.batch_create_spans([root, model, failed])
    running = {"trace_id": "runs", "span_id": "root", "name": "agent run: 'guide'", "span_type": "agent_run"}
    await store.observability.create_span({**running, "started_at": start, "thread_id": "trip"})
