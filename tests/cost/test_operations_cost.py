"""The cost of schedules, channels, tasks, observations, claims and the cache beside 1,000 rows (docs/cost.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import ObservationChunk
from tests.backends import ConvexHost
from tests.cost.conftest import Meter
from tests.data import at

ROWS = 1_000
TEXT = "lorem ipsum dolor sit amet " * 70

Call = Callable[[ConvexStore], Awaitable[Any]]


def schedule(n: int) -> dict[str, Any]:
    return {
        "id": f"s{n}",
        "target": '{"type":"workflow","workflowId":"report"}',
        "cron": "0 9 * * *",
        "status": "active",
        "next_fire_at": n,
        "created_at": n,
        "updated_at": n,
        "workflow_id": f"w{n % 100}",
    }


def trigger(n: int) -> dict[str, Any]:
    times = {"scheduled_fire_at": n, "actual_fire_at": n}
    return {"id": f"t{n}", "schedule_id": "s1", "outcome": "published", "trigger_kind": "schedule-fire", **times}


def task(n: int) -> dict[str, Any]:
    names = {"tool_call_id": f"call-{n}", "tool_name": "search", "agent_id": f"a{n % 50}", "run_id": f"run-{n % 50}"}
    missing = dict.fromkeys(("result", "error", "suspend_payload", "startedAt", "suspendedAt", "completedAt"))
    counts = {"retry_count": 0, "max_retries": 0, "timeout_ms": 0}
    return {
        "id": f"b{n}",
        **names,
        **missing,
        **counts,
        "thread_id": f"t{n % 50}",
        "resource_id": None,
        "status": "running" if n < 300 else "pending",
        "args": f'{{"text":"{TEXT[:2_000]}"}}',
        "createdAt": to_iso(at(n)),
    }


def installation(n: int) -> dict[str, Any]:
    names = {"id": f"i{n}", "platform": "slack", "agentId": f"a{n % 500}", "webhookId": f"w{n}", "status": "active"}
    return {**names, "data": "{}", "createdAt": to_iso(at(n)), "updatedAt": to_iso(at(n))}


def generation(n: int) -> dict[str, Any]:
    counts = dict.fromkeys(
        ("pendingMessageTokens", "totalTokensObserved", "observationTokenCount", "lastBufferedAtTokens"), 0
    )
    flags = dict.fromkeys(("isObserving", "isReflecting", "isBufferingObservation", "isBufferingReflection"), False)
    return {
        "id": f"o{n}",
        "lookupKey": f"thread:t{n // 20}",
        "scope": "thread",
        "threadId": f"t{n // 20}",
        "resourceId": "u",
        "activeObservations": TEXT[:1_000],
        "originType": "initial",
        "config": "{}",
        "generationCount": n % 20,
        **counts,
        **flags,
        "createdAt": to_iso(at(n)),
        "updatedAt": to_iso(at(n)),
    }


def run(n: int) -> dict[str, Any]:
    names = {"id": f"trip-{n}", "workflow_name": "trip", "run_id": f"{n}", "snapshot": '{"status":"running"}'}
    return {**names, "createdAt": to_iso(at(n)), "updatedAt": to_iso(at(n))}


def claim(n: int) -> dict[str, Any]:
    times = {"claimed_at": to_iso(at(n)), "expires_at": to_iso(at(n + 1))}
    return {"workflow_name": "trip", "run_id": f"{n}", "owner": "dead", "fence": 1, **times}


def entry(n: int) -> dict[str, Any]:
    value = {"value": f'"{TEXT[:1_000]}"'}
    return {"key": f"mastra:cache:v{n}", "keyPrefix": "mastra:cache:", "kind": "value", "expiresAt": None, **value}


def item(n: int) -> dict[str, Any]:
    return {"key": "mastra:cache:l", "keyPrefix": "mastra:cache:", "index": n, "value": f"{n}"}


LIST = {"key": "mastra:cache:l", "keyPrefix": "mastra:cache:", "kind": "list", "counter": ROWS, "expiresAt": None}
COUNTER = {**LIST, "key": "mastra:cache:c", "kind": "counter"}
CHUNK = ObservationChunk(
    cycle_id="c", observations="x", token_count=1, message_ids=[], message_tokens=1, last_observed_at=at(0)
)
FIRE: dict[str, Any] = {"expected_next_fire_at": 7, "new_next_fire_at": 8, "last_fire_at": 7, "last_run_id": "r"}
NEW_TASK = {"tool_name": "x", "tool_call_id": "x", "agent_id": "x", "run_id": "x"}

CALLS: dict[str, tuple[Call, int, int]] = {
    "create_schedule": (
        lambda s: s.schedules.create_schedule(
            {"target": {"type": "workflow", "workflowId": "w"}, "cron": "x", "nextFireAt": 1}
        ),
        1,
        3,
    ),
    "get_schedule": (lambda s: s.schedules.get_schedule("s7"), 1, 1),
    "list_schedules of a workflow": (lambda s: s.schedules.list_schedules(workflow_id="w7", status="active"), 1, 11),
    "list_due_schedules": (lambda s: s.schedules.list_due_schedules(9), 1, 11),
    "update_schedule": (lambda s: s.schedules.update_schedule("s7", cron="x"), 1, 6),
    "update_schedule_next_fire": (lambda s: s.schedules.update_schedule_next_fire("s7", **FIRE), 1, 4),
    "list_triggers": (lambda s: s.schedules.list_triggers("s1", limit=20), 1, 21),
    "get_installation_by_agent": (lambda s: s.channels.get_installation_by_agent("slack", agent_id="a7"), 1, 3),
    "get_installation_by_webhook_id": (lambda s: s.channels.get_installation_by_webhook_id("w7"), 1, 2),
    "create_task": (lambda s: s.background_tasks.create_task(NEW_TASK), 1, 3),
    "update_task": (
        lambda s: s.background_tasks.update_task("b7", status="completed", expected_status="running"),
        1,
        4,
    ),
    "list_tasks of a thread": (lambda s: s.background_tasks.list_tasks(thread_id="t7"), 1, 21),
    "list_tasks of an agent by status": (
        lambda s: s.background_tasks.list_tasks(agent_id="a7", status="running"),
        1,
        21,
    ),
    "list_tasks, a page": (lambda s: s.background_tasks.list_tasks(per_page=20, include_total=False), 1, 22),
    "get_running_count": (lambda s: s.background_tasks.get_running_count(), 1, 301),
    "get_running_count_by_agent": (lambda s: s.background_tasks.get_running_count_by_agent("a7"), 1, 7),
    "get_observational_memory": (lambda s: s.memory.get_observational_memory("t7"), 1, 2),
    "get_observational_memory_history": (lambda s: s.memory.get_observational_memory_history("t7", limit=5), 1, 6),
    "update_buffered_observations": (lambda s: s.memory.update_buffered_observations("o7", chunk=CHUNK), 1, 4),
    "set_observing_flag": (lambda s: s.memory.set_observing_flag("o7", value=True), 1, 4),
    "claim_run": (lambda s: s.workflows.claim_run("trip", run_id="7", owner="a", lease=timedelta(minutes=1)), 1, 9),
    "list_expired_claims": (lambda s: s.workflows.list_expired_claims(limit=20), 1, 21),
    "cache.get": (lambda s: s.cache.get("v7"), 1, 1),
    "cache.set": (lambda s: s.cache.set("v7", 1), 1, 4),
    "cache.increment": (lambda s: s.cache.increment("c"), 1, 5),
    "cache.list_push": (lambda s: s.cache.list_push("l", 1), 2, 8),
    "cache.list_from_to": (lambda s: s.cache.list_from_to("l", 10, 19), 1, 12),
}
"""By name: a call, the calls to the deployment that it takes, and the documents that it reads at most."""


@pytest.mark.parametrize("name", CALLS)
async def test_beside_1000_rows(store: ConvexStore, meter: Meter, host: ConvexHost, name: str) -> None:
    await host.load(
        {
            "mastra_schedules": [schedule(n) for n in range(ROWS)],
            "mastra_schedule_triggers": [trigger(n) for n in range(ROWS)],
            "mastra_background_tasks": [task(n) for n in range(ROWS)],
            "mastra_channel_installations": [installation(n) for n in range(ROWS)],
            "mastra_observational_memory": [generation(n) for n in range(ROWS)],
            "mastra_workflow_snapshots": [run(n) for n in range(ROWS)],
            "mastra_workflow_claims": [claim(n) for n in range(ROWS)],
            "mastra_cache": [*(entry(n) for n in range(ROWS)), LIST, COUNTER],
            "mastra_cache_list_items": [item(n) for n in range(ROWS)],
        }
    )
    call, calls, documents = CALLS[name]
    await meter.start()
    await call(store)
    cost = await meter.cost()
    assert cost.calls == calls
    assert cost.documents_read <= documents
    if "count" in name:
        assert cost.response_bytes <= 1_000
