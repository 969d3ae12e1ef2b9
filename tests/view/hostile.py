"""Rows for every page, with hostile text in every field that takes text, and ids of any characters."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex import ConvexStore

ATTACK: Final = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><a href=javascript:alert(3)>{{ 7*7 }}&amp;"
"""Would run, load or lead somewhere, if it were not shown as text."""
ID: Final = f"a/b?c=d&e%2F#f ü 中 {ATTACK}"
"""Is the id of everything."""
MARKDOWN: Final = f"# {ATTACK}\n\n* **{ATTACK}**\n\n```\n{ATTACK}\n```\n\n[x](javascript:alert(4)) ![y](http://evil.example/z)\n`{ATTACK}`"
PICTURE: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
JSON: Final[dict[str, Any]] = {"text": ATTACK, "more": [ATTACK, {"deep": ATTACK}]}

PARTS: Final[list[dict[str, Any]]] = [
    {"type": "text", "text": MARKDOWN},
    {"type": "reasoning", "reasoning": ATTACK, "details": [{"type": "text", "text": ATTACK}, {"type": "redacted"}]},
    {
        "type": "tool-invocation",
        "toolInvocation": {"state": "result", "toolCallId": ATTACK, "toolName": ATTACK, "args": JSON, "result": JSON},
    },
    {"type": "tool-search", "toolCallId": "2", "state": ATTACK, "input": ATTACK, "errorText": ATTACK},
    {"type": "file", "mimeType": "image/png", "data": PICTURE, "filename": ATTACK},
    {"type": "file", "mimeType": "image/svg+xml", "data": f"data:image/svg+xml,{ATTACK}"},
    {"type": "file", "mimeType": ATTACK, "data": "http://evil.example/a.png"},
    {"type": "image", "mimeType": "image/png", "image": f'x" onerror="{ATTACK}'},
    {"type": "step-start"},
    {"type": ATTACK, "data": JSON},
]


async def fill(store: ConvexStore) -> None:
    """Stores rows of all kinds that have a page."""
    await _fill_memory(store)
    await _fill_runs(store)
    span = {"trace_id": ID, "span_type": "model_generation", "is_event": False, "started_at": "2026-01-01T00:00:00Z"}
    of = {"thread_id": ID, "run_id": ID, "resource_id": ID, "entity_name": ID}
    usage = {"usage": {"inputTokens": 12, "outputTokens": 3}}
    messages = {"messages": [{"role": "user", "content": ATTACK}, {"role": ATTACK, "content": PARTS}]}
    await store.observability.batch_create_spans(
        [
            {**span, "span_id": ID, "name": ATTACK, "ended_at": "2026-01-01T00:00:02Z", **of},
            {**span, "span_id": "2", "parent_span_id": ID, "name": ATTACK, "attributes": usage, "input": messages},
            {**span, "span_id": "3", "parent_span_id": "2", "name": "x", "error": JSON, "metadata": JSON},
        ]
    )
    await store.vector.create_index("notes", dimension=3)
    await store.vector.upsert("notes", vectors=[[1, 0, 0], [0, 1, 0]], ids=[ID, "2"], metadata=[JSON, {}])
    await store.documents.put(ATTACK, record={"id": ID, **JSON})


async def _fill_memory(store: ConvexStore) -> None:
    memory = store.memory
    thread = {"id": ID, "resource_id": ID, "title": ATTACK, "metadata": {**JSON, "workingMemory": MARKDOWN}}
    await memory.save_thread(thread)
    of = {"thread_id": ID, "resource_id": ID}
    await memory.save_messages(
        [
            {**of, "id": ID, "role": "user", "content": ATTACK},
            {**of, "role": "assistant", "content": {"format": 2, "parts": PARTS, "metadata": JSON}},
            {**of, "role": "system", "content": {"format": 2, "parts": []}},
            {**of, "role": "signal", "content": {"format": 2, "parts": [{"type": "data-x", "data": ATTACK}]}},
            {**of, "role": "assistant", "content": "long " * 10_000},
        ]
    )
    await memory.save_resource({"id": ID, "working_memory": MARKDOWN, "metadata": JSON})
    await store.thread_state.set_state(ID, type=ATTACK, value=JSON)
    await memory.initialize_observational_memory(thread_id=ID, resource_id=ID, scope="thread", config=JSON)


async def _fill_runs(store: ConvexStore) -> None:
    step = {"startedAt": 1_767_225_600_000, "endedAt": 1_767_225_601_500}
    snapshots: list[Any] = [
        {
            "status": "failed",
            "error": {"message": ATTACK},
            "context": {
                "input": JSON,
                ATTACK: {**step, "status": "success", "payload": JSON, "output": ATTACK},
                "each": [{**step, "status": "success"}, {**step, "status": "failed", "error": ATTACK}],
                "odd": ATTACK,
                "waits": {"status": "suspended", "suspendPayload": JSON, "startedAt": "no time"},
            },
        },
        {"status": ATTACK, "context": [ATTACK]},
        {"value": {}},
    ]
    for n, snapshot in enumerate(snapshots):
        run_id = ID if n == 0 else str(n)
        await store.workflows.persist_workflow_snapshot(ID, run_id=run_id, snapshot=snapshot, resource_id=ID)
    for n, score in enumerate((0.25, 1.0, -3.0)):
        values = {"scorer": JSON, "entity": JSON, "source": "TEST", "output": messages_or(n), "input": JSON}
        names = {"scorer_id": ID, "entity_id": ID, "run_id": ID, "entity_type": ATTACK, "reason": MARKDOWN}
        await store.scores.save_score({"id": f"{n}{ID}", "score": score, **names, **values})
    times = {"cron": ATTACK, "next_fire_at": 1_767_225_600_000}
    await store.schedules.create_schedule(
        {"id": ID, "target": {"type": "workflow", "workflowId": ID, **JSON}, "metadata": JSON, **times}
    )
    await store.schedules.record_trigger(
        {
            "id": ID, "schedule_id": ID, "run_id": ID, "scheduled_fire_at": 1, "actual_fire_at": 2,
            "outcome": "failed", "error": ATTACK,
        }
    )  # fmt: skip
    await store.background_tasks.create_task(
        {
            "id": ID, "tool_call_id": ATTACK, "tool_name": ATTACK, "agent_id": ATTACK, "run_id": ID, "thread_id": ID,
            "args": JSON, "error": {"message": ATTACK},
        }
    )  # fmt: skip


def messages_or(n: int) -> Any:
    """Returns messages, or another value of JSON."""
    return [{"role": "assistant", "content": ATTACK}] if n else ATTACK
