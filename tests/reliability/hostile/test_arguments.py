"""Every method of every domain with one argument, or one member of an argument, replaced by anything at all: an answer
or our error, the same on every backend.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex import ConvexStore
from mastra_convex.domain import DomainStore
from mastra_convex.registry import registered_domains
from tests.effort import effort
from tests.reliability.hostile.conftest import Stores
from tests.reliability.hostile.outcomes import Renamed, exact, outcome
from tests.reliability.hostile.strategies import AWARE, HOSTILE, HOSTILE_NUMBERS, NAIVE

Arguments = dict[str, Any]

AT = datetime(2020, 1, 1, tzinfo=UTC)
THREAD = {"id": "t", "resource_id": "u", "title": "A talk", "metadata": {"a": 1}, "created_at": AT, "updated_at": AT}
MESSAGE = {
    "id": "m",
    "thread_id": "t",
    "resource_id": "u",
    "role": "user",
    "type": "v2",
    "content": {"parts": [], "metadata": {"a": 1}},
    "created_at": AT,
}
SCORE = {
    "id": "s",
    "scorer_id": "s",
    "entity_id": "e",
    "entity_type": "AGENT",
    "run_id": "r",
    "trace_id": "t",
    "span_id": "p",
    "score": 0.5,
    "scorer": {},
    "entity": {},
    "source": "LIVE",
    "output": None,
    "created_at": AT,
}
RUN = {"workflow_name": "w", "run_id": "r"}

OBSERVED: Arguments = {
    "id": "o",
    "scope": "thread",
    "thread_id": "t",
    "resource_id": "u",
    "created_at": AT,
    "updated_at": AT,
    "config": {"a": 1},
}
CHUNK = {
    "cycle_id": "c",
    "observations": "seen",
    "token_count": 1,
    "message_ids": ["m"],
    "message_tokens": 5,
    "last_observed_at": AT,
}
SCHEDULE: Arguments = {
    "id": "d",
    "target": {"type": "workflow", "workflowId": "w"},
    "cron": "x",
    "next_fire_at": 1,
    "created_at": 1,
    "updated_at": 1,
}
TASK = {"id": "b", "tool_name": "x", "tool_call_id": "x", "agent_id": "a", "run_id": "r", "created_at": AT, "args": {}}
STATE = ("json", b"{}")
GRAPH = {"thread_id": "t", "namespace": "n"}
KEY_VALUE = {"key": "k", "namespace": ["n"], "value": {"a": 1}, "ttl": 3600, "created_at": AT, "updated_at": AT}
SPAN: Arguments = {
    "trace_id": "t",
    "span_id": "p",
    "name": "x",
    "span_type": "agent_run",
    "started_at": AT,
    "metadata": {"a": 1},
    "tags": ["one"],
    "created_at": AT,
    "updated_at": AT,
}
TRACES = {"started_at": {"start": AT}, "status": "running", "metadata": {"a": 1}, "tags": ["one"]}
CLAIM = {**RUN, "owner": "gone", "fence": 1, "claimed_at": AT, "expires_at": AT}

CALLS: dict[str, Arguments] = {
    "memory.save_thread": {"thread": THREAD},
    "memory.get_thread_by_id": {"thread_id": "t"},
    "memory.update_thread": {"id": "t", "metadata": {"b": 2}},
    "memory.patch_thread": {"id": "t", "title": "Another"},
    "memory.update_thread_metadata": {"id": "t", "update": lambda _: {"c": 3}},
    "memory.update_thread_resource_id": {"thread_id": "t", "resource_id": "u"},
    "memory.list_threads": {"resource_id": "u", "metadata": {"a": 1}, "order_by": "created_at"},
    "memory.iter_threads": {"resource_id": "u"},
    "memory.delete_thread": {"thread_id": "gone"},
    "memory.clone_thread": {"source_thread_id": "t", "resource_id": "clones", "message_ids": ["m"]},
    "memory.copy_thread": {"source_thread_id": "t", "resource_id": "clones", "message_limit": 1},
    "memory.save_messages": {"messages": [MESSAGE]},
    "memory.update_messages": {"messages": [{"id": "m", "content": {"metadata": {"b": 2}}}]},
    "memory.delete_messages": {"message_ids": ["gone"]},
    "memory.list_messages": {"thread_id": "t", "include": [{"id": "m", "with_previous_messages": 1}]},
    "memory.list_messages_by_id": {"message_ids": ["m"]},
    "memory.list_messages_by_resource_id": {"resource_id": "u", "start": AT, "end": AT},
    "memory.iter_messages": {"thread_id": ["t"], "metadata": {"a": 1}},
    "memory.save_resource": {"resource": {"id": "u", "working_memory": "", "metadata": {"a": 1}, "created_at": AT}},
    "memory.get_resource_by_id": {"resource_id": "u"},
    "memory.update_resource": {"resource_id": "u", "working_memory": "w", "metadata": {"b": 2}},
    "memory.latest_messages": {"thread_id": "t", "limit": 2},
    "memory.insert_observational_memory_record": {"record": OBSERVED},
    "memory.initialize_observational_memory": {
        "thread_id": "t",
        "resource_id": "u",
        "scope": "thread",
        "config": {"a": {"b": 1}},
    },
    "memory.get_observational_memory": {"thread_id": "t", "resource_id": "u"},
    "memory.get_observational_memory_history": {"thread_id": "t", "limit": 2, "from_": AT, "to": AT},
    "memory.update_active_observations": {
        "id": "o",
        "observations": "seen",
        "token_count": 1,
        "last_observed_at": AT,
        "observed_message_ids": ["m"],
    },
    "memory.update_buffered_observations": {"id": "o", "chunk": CHUNK},
    "memory.swap_buffered_to_active": {
        "id": "o",
        "activation_ratio": 0.5,
        "message_tokens_threshold": 10,
        "current_pending_tokens": 10,
        "last_observed_at": AT,
        "buffered_chunks": [CHUNK],
    },
    "memory.set_reflecting_flag": {"id": "o", "value": True},
    "memory.set_observing_flag": {"id": "o", "value": True},
    "memory.set_buffering_reflection_flag": {"id": "o", "value": True},
    "memory.set_buffering_observation_flag": {"id": "o", "value": True, "last_buffered_at_tokens": 1},
    "memory.set_pending_message_tokens": {"id": "o", "token_count": 1},
    "memory.update_observational_memory_config": {"id": "o", "config": {"a": {"b": 1}}},
    "memory.update_buffered_reflection": {
        "id": "o",
        "reflection": "short",
        "token_count": 1,
        "input_token_count": 1,
        "reflected_observation_line_count": 1,
    },
    "memory.swap_buffered_reflection_to_active": {"current_record": {**OBSERVED, "id": "gone"}, "token_count": 1},
    "memory.create_reflection_generation": {
        "current_record": {**OBSERVED, "thread_id": "gone"},
        "reflection": "short",
        "token_count": 1,
    },
    "memory.clear_observational_memory": {"thread_id": "gone"},
    "schedules.create_schedule": {"schedule": SCHEDULE},
    "schedules.get_schedule": {"id": "d"},
    "schedules.list_schedules": {"status": "active", "workflow_id": "w", "owner_type": None, "owner_id": "u"},
    "schedules.list_due_schedules": {"now": 10, "limit": 3},
    "schedules.update_schedule": {"id": "gone", "cron": "x", "metadata": {"a": 1}, "target": SCHEDULE["target"]},
    "schedules.update_schedule_next_fire": {
        "id": "d",
        "expected_next_fire_at": 1,
        "new_next_fire_at": 2,
        "last_fire_at": 1,
        "last_run_id": "r",
    },
    "schedules.delete_schedule": {"id": "gone"},
    "schedules.record_trigger": {
        "trigger": {"id": "g", "schedule_id": "d", "scheduled_fire_at": 1, "actual_fire_at": 1, "outcome": "failed"}
    },
    "schedules.list_triggers": {"schedule_id": "d", "limit": 3, "from_actual_fire_at": 0, "to_actual_fire_at": 9},
    "channels.save_installation": {
        "installation": {"id": "i", "platform": "slack", "agent_id": "a", "status": "active", "data": {"a": 1}}
    },
    "channels.get_installation": {"id": "i"},
    "channels.get_installation_by_agent": {"platform": "slack", "agent_id": "a"},
    "channels.get_installation_by_webhook_id": {"webhook_id": "h"},
    "channels.list_installations": {"platform": "slack"},
    "channels.delete_installation": {"id": "gone"},
    "channels.save_config": {"config": {"platform": "slack", "data": {"a": 1}}},
    "channels.get_config": {"platform": "slack"},
    "channels.delete_config": {"platform": "gone"},
    "background_tasks.create_task": {"task": TASK},
    "background_tasks.get_task": {"task_id": "b"},
    "background_tasks.update_task": {"task_id": "b", "status": "pending", "expected_status": ["pending"], "result": 1},
    "background_tasks.list_tasks": {"status": ["pending"], "agent_id": "a", "from_date": AT, "order_by": "-created_at"},
    "background_tasks.get_running_count": {},
    "background_tasks.get_running_count_by_agent": {"agent_id": "a"},
    "background_tasks.delete_task": {"task_id": "gone"},
    "background_tasks.delete_tasks": {"run_id": "gone"},
    "cache.set": {"key": "v", "value": {"a": 1}, "ttl_ms": 0},
    "cache.get": {"key": "v"},
    "cache.delete": {"key": "gone"},
    "cache.increment": {"key": "n"},
    "cache.list_push": {"key": "l", "value": 1},
    "cache.list_length": {"key": "l"},
    "cache.list_from_to": {"key": "l", "from_": 0, "to": 1},
    "cache.list_push_indexed": {"list_key": "li", "counter_key": "n", "value": {"a": 1}},
    "cache.clear": {},
    "cache.sweep": {},
    "workflows.claim_run": {**RUN, "owner": "gone", "lease": timedelta(hours=1), "expected_status": "failed"},
    "workflows.renew_claim": {"claim": CLAIM, "lease": timedelta(hours=1)},
    "workflows.release_claim": {"claim": CLAIM},
    "workflows.list_expired_claims": {"workflow_name": "w", "at": AT, "limit": 3},
    "workflows.persist_workflow_snapshot": {
        **RUN,
        "snapshot": {"status": "running", "context": {"input": {}}},
        "resource_id": "u",
        "created_at": AT,
        "updated_at": AT,
    },
    "workflows.load_workflow_snapshot": RUN,
    "workflows.update_workflow_results": {**RUN, "step_id": "step", "result": {"output": [1]}, "request_context": {}},
    "workflows.update_workflow_state": {**RUN, "status": "suspended", "expected_status": ["running", "suspended"]},
    "workflows.list_workflow_runs": {"workflow_name": "w", "resource_id": "u", "page": 0, "per_page": 5},
    "workflows.get_workflow_run_by_id": RUN,
    "workflows.delete_workflow_run_by_id": {"workflow_name": "w", "run_id": "gone"},
    "scores.save_score": {"score": SCORE},
    "scores.get_score_by_id": {"id": "s"},
    "scores.list_scores_by_scorer_id": {"scorer_id": "s", "entity_id": "e", "source": "LIVE"},
    "scores.list_scores_by_run_id": {"run_id": "r"},
    "scores.list_scores_by_entity_id": {"entity_id": "e", "entity_type": "AGENT"},
    "scores.list_scores_by_span": {"trace_id": "t", "span_id": "p"},
    "checkpoints.save_checkpoint": {
        "checkpoint": {
            **GRAPH,
            "checkpoint_id": "2",
            "parent_id": "1",
            "run_id": "r",
            "state": STATE,
            "versions": {"a": "1"},
            "metadata": {"a": 1},
            "needs_ancestors": False,
            "created_at": AT,
        },
        "values": {"a": STATE},
    },
    "checkpoints.save_writes": {
        **GRAPH,
        "checkpoint_id": "2",
        "writes": [{"task_id": "x", "index": 0, "task_path": "~", "channel": "a", "value": STATE}],
    },
    "checkpoints.get_checkpoint": {**GRAPH, "checkpoint_id": "2"},
    "checkpoints.iterate_checkpoints": {
        **GRAPH,
        "checkpoint_id": "2",
        "metadata": {"a": 1},
        "before": "3",
        "limit": 3,
        "batch_size": 2,
    },
    "checkpoints.get_channel_histories": {**GRAPH, "checkpoint_id": "2", "channels": ["a"]},
    "checkpoints.copy_thread": {"thread_id": "t", "new_thread_id": "u"},
    "checkpoints.keep_latest": {"thread_id": "u"},
    "checkpoints.delete_runs": {"run_ids": ["gone"]},
    "checkpoints.delete_thread": {"thread_id": "gone"},
    "key_values.set_many": {
        "collection": "c",
        "entries": [{"key": "k", "value": {"a": 1}, "namespace": ["n"], "ttl": 3600}],
        "delete": ["gone", (["n"], "gone")],
    },
    "key_values.get_many": {"collection": "c", "keys": ["k", (["n"], "k")], "filter": {"a": {"$gt": 0}}},
    "key_values.list": {"collection": "c", "namespace": ["n"], "key_prefix": "k", "filter": {"a": 1}, "per_page": 3},
    "key_values.iter_keys": {"collection": "c", "namespace": ["n"], "key_prefix": "k", "batch_size": 3},
    "key_values.iter_namespaces": {"collection": "c", "prefix": ["n"], "max_depth": 2},
    "key_values.renew_many": {"collection": "c", "found": [KEY_VALUE]},
    "key_values.delete_many": {"collection": "c", "keys": ["gone", (["n"], "gone")]},
    "key_values.clear": {"collection": "c", "namespaces": [["gone"]]},
    "key_values.sweep": {},
    "observability.create_span": {"span": SPAN},
    "observability.batch_create_spans": {"records": [SPAN]},
    "observability.update_span": {"trace_id": "t", "span_id": "p", "updates": {"output": {"a": 1}}},
    "observability.batch_update_spans": {
        "records": [{"trace_id": "t", "span_id": "p", "updates": {"output": {"a": 1}}}],
    },
    "observability.get_span": {"trace_id": "t", "span_id": "p"},
    "observability.get_spans": {"trace_id": "t", "span_ids": ["p"]},
    "observability.get_root_span": {"trace_id": "t"},
    "observability.get_trace": {"trace_id": "t"},
    "observability.get_structure": {"trace_id": "t"},
    "observability.get_trace_light": {"trace_id": "t"},
    "observability.get_branch": {"trace_id": "t", "span_id": "p", "depth": 1},
    "observability.list_traces": {"filters": {**TRACES, "has_child_error": False}, "per_page": 3},
    "observability.list_traces_light": {"filters": {"thread_id": "t"}},
    "observability.list_whole_traces": {"filters": {"trace_id": "t"}, "order_by": "-ended_at"},
    "observability.list_branches": {"filters": {**TRACES, "span_type": "agent_run"}, "per_page": 3},
    "observability.query_traces": {"plan": {"timeRange": {"from": AT, "to": AT}}},
    "observability.get_trace_totals": {"trace_ids": ["t"]},
    "observability.get_totals": {"started_at": {"start": AT}},
    "observability.get_entity_types": {},
    "observability.get_entity_names": {"entity_type": "agent"},
    "observability.get_service_names": {},
    "observability.get_environments": {},
    "observability.get_tags": {"entity_type": "agent"},
    "observability.get_features": {},
    "observability.batch_delete_traces": {"trace_ids": ["gone"], "resource_id": "u"},
    "observability.rebuild": {},
    "thread_state.set_state": {"thread_id": "t", "type": "task", "value": {"a": 1}},
    "thread_state.get_state": {"thread_id": "t", "type": "task"},
    "thread_state.delete_state": {"thread_id": "t", "type": "gone"},
    "documents.put": {"table": "notes", "record": {"id": "d", "a": 1}},
    "documents.put_many": {"table": "notes", "records": [{"id": "d", "a": 1}]},
    "documents.get": {"table": "notes", "id": "d"},
    "documents.list": {"table": "notes", "filter": {"a": 1}},
    "documents.delete": {"table": "notes", "id": "gone"},
    "documents.clear": {"table": "gone"},
    "agent_sessions.append_entries": {
        "project_key": "p",
        "session_id": "s",
        "entries": [{"uuid": "e", "a": [1]}, {"b": None}],
        "subpath": "x/y",
        "summarize": lambda before, fresh: [before, len(fresh)],
    },
    "agent_sessions.get_entries": {"project_key": "p", "session_id": "s", "subpath": "x/y"},
    "agent_sessions.get_subpaths": {"project_key": "p", "session_id": "s"},
    "agent_sessions.list_sessions": {"project_key": "p", "per_page": 3},
    "agent_sessions.delete_session": {"project_key": "p", "session_id": "gone"},
    "agent_sessions.delete_subpath": {"project_key": "p", "session_id": "s", "subpath": "gone"},
    "vector.create_index": {"index_name": "i", "dimension": 2, "metric": "cosine"},
    "vector.list_indexes": {},
    "vector.describe_index": {"index_name": "i"},
    "vector.upsert": {"index_name": "i", "vectors": [[1, 0]], "ids": ["v"], "metadata": [{"a": 1}]},
    "vector.query": {"index_name": "i", "query_vector": [1, 0], "filter": {"a": {"$in": [1]}}, "top_k": 3},
    "vector.get_vectors": {"index_name": "i", "ids": ["v", "gone"], "include_vector": True},
    "vector.update_vector": {"index_name": "i", "id": "v", "metadata": {"b": 2}},
    "vector.delete_vector": {"index_name": "i", "id": "gone"},
    "vector.delete_vectors": {"index_name": "i", "filter": {"a": "gone"}},
    "vector.truncate_index": {"index_name": "gone"},
    "vector.delete_index": {"index_name": "gone"},
}
"""Each is right as it stands; together they leave one record of everything."""

ANYTHING = (
    HOSTILE
    | HOSTILE_NUMBERS
    | AWARE
    | NAIVE
    | st.sampled_from(["t", "u", "m", "created_at", "-updated_at", ["t", "t"], ["m", 1], [None], [[]], [{}], {}, False])
)
WITHOUT_ARGUMENTS = {
    "vector.list_indexes",
    "background_tasks.get_running_count",
    "cache.clear",
    "cache.sweep",
    "key_values.sweep",
    "observability.get_entity_types",
    "observability.get_service_names",
    "observability.get_environments",
    "observability.get_features",
    "observability.rebuild",
}
NO_CALLS = {
    "workflows.supports_concurrent_updates",
    "memory.for_resource",
    "memory.items",
    "vector.for_resource",
    "cache.configured",
    "key_values.clock",
}
"""Methods that ask no database."""

ATTEMPTS = st.sampled_from(sorted(CALLS.keys() - WITHOUT_ARGUMENTS)).flatmap(
    lambda call: st.tuples(st.just(call), st.sampled_from(places(call)), ANYTHING)
)


def places(call: str) -> list[tuple[Any, ...]]:
    """Where a value goes in the arguments of a call: every parameter, and every member of one that is given."""
    found: list[tuple[Any, ...]] = [(name,) for name in parameters(call)]
    for name, value in CALLS[call].items():
        found += inside((name,), value)
    return found


def inside(place: tuple[Any, ...], value: Any) -> list[tuple[Any, ...]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [each for key in keys for each in ((*place, key), *inside((*place, key), value[key]))]


def parameters(call: str) -> list[str]:
    domain, method = call.split(".")
    return list(inspect.signature(getattr(registered_domains()[domain], method)).parameters)[1:]


def replaced(value: Any, place: tuple[Any, ...], anything: Any) -> Any:
    if not place:
        return anything
    changed = value.copy() if isinstance(value, dict | list) else {}
    changed[place[0]] = replaced(
        value.get(place[0]) if isinstance(value, dict) else value[place[0]], place[1:], anything
    )
    return changed


async def called(store: ConvexStore, call: str, arguments: Arguments) -> Any:
    domain, method = call.split(".")
    answer = getattr(store.domain(registered_domains()[domain]), method)(**arguments)
    return [item async for item in answer] if isinstance(answer, AsyncIterator) else await answer


def test_no_method_is_left_out() -> None:
    of_all = {name for name in vars(DomainStore) if not name.startswith("_")}
    methods = {
        f"{name}.{method}"
        for name, domain in registered_domains().items()
        for method, member in inspect.getmembers(domain, callable)
        if not method.startswith("_") and method not in of_all
    }
    waiting = {name for name in methods if name.split(".")[1].startswith(("watch_", "follow_", "wait_"))}
    assert methods - NO_CALLS - waiting == CALLS.keys()


async def test_the_calls_are_right_as_they_stand(stores: Stores) -> None:
    for store in stores.values():
        for call, arguments in CALLS.items():
            if "gone" not in str(arguments):
                await called(store, call, arguments)


@given(attempts=st.lists(ATTEMPTS, min_size=1, max_size=30))
@settings(max_examples=effort(100, 2_000))
async def test_any_argument_is_taken_or_refused(
    stores: Stores, attempts: list[tuple[str, tuple[Any, ...], Any]]
) -> None:
    names = {name: Renamed() for name in stores}
    for call, place, anything in attempts:
        arguments = replaced(CALLS[call], place, anything)
        found = {name: names[name](await outcome(called(store, call, arguments))) for name, store in stores.items()}
        expected = exact(found["memory"])
        assert all(exact(each) == expected for each in found.values()), (call, arguments, found)
