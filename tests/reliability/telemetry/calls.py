"""A call of every public method of every domain, in an order in which all succeed. All that is stored is PRIVATE."""

from __future__ import annotations

from datetime import timedelta
from inspect import getmembers, isasyncgenfunction, iscoroutinefunction
from typing import Any

from mastra_convex.domain import DomainStore
from mastra_convex.registry import registered_domains
from tests.data import at

PRIVATE = "tellnobody"
ID = f"{PRIVATE}-1"
OTHER = f"{PRIVATE}-2"

_MESSAGE = {"id": ID, "thread_id": ID, "resource_id": ID, "role": "user", "content": PRIVATE}
_SCORE: dict[str, Any] = {
    "id": ID, "scorer_id": ID, "entity_id": ID, "entity_type": PRIVATE, "run_id": ID, "trace_id": ID, "span_id": ID,
    "score": 0.5, "scorer": {"id": ID}, "entity": {"id": ID}, "source": "LIVE", "output": PRIVATE,
}  # fmt: skip
_SNAPSHOT = {"runId": ID, "status": "running", "context": {PRIVATE: PRIVATE}}
_DAY = "1d"
_CLAIM = {
    "workflow_name": ID, "run_id": ID, "owner": PRIVATE, "fence": 1, "claimed_at": at(0), "expires_at": at(1),
}  # fmt: skip
_TARGET = {"type": "agent", "agentId": PRIVATE, "prompt": PRIVATE}
_SCHEDULE = {"id": ID, "target": _TARGET, "cron": PRIVATE, "next_fire_at": 1}
_TRIGGER = {"id": ID, "schedule_id": ID, "scheduled_fire_at": 1, "actual_fire_at": 1, "outcome": "failed"}
_FIRE = {"expected_next_fire_at": 1, "new_next_fire_at": 2, "last_fire_at": 1, "last_run_id": ID}
_TASK = {"id": ID, "tool_name": PRIVATE, "tool_call_id": ID, "agent_id": ID, "run_id": ID, "args": {PRIVATE: PRIVATE}}
_INSTALLATION = {"id": ID, "platform": PRIVATE, "agent_id": ID, "status": "active", "data": {PRIVATE: PRIVATE}}
_BEGIN = {"scope": "thread", "thread_id": ID, "resource_id": ID}
_MEMORY = {"id": ID, **_BEGIN}
_OBSERVED = {"observations": PRIVATE, "token_count": 1, "last_observed_at": at(0)}
_SPAN = {
    "trace_id": ID, "span_id": ID, "name": PRIVATE, "span_type": "agent_run", "started_at": at(0), "input": PRIVATE,
}  # fmt: skip
_UPDATE = {"trace_id": ID, "span_id": ID, "updates": {"output": PRIVATE, "ended_at": at(1)}}
_NEXT = {"reflection": PRIVATE, "token_count": 1}
_CHUNK = {
    "cycle_id": ID, "observations": PRIVATE, "token_count": 1, "message_ids": [ID], "message_tokens": 1,
    "last_observed_at": at(0),
}  # fmt: skip
_SWAP = {"activation_ratio": 1, "message_tokens_threshold": 1, "current_pending_tokens": 1}
_STATE = ("json", PRIVATE.encode())
_CHECKPOINT = {
    "thread_id": ID, "checkpoint_id": ID, "state": _STATE, "versions": {PRIVATE: PRIVATE}, "metadata": {PRIVATE: 1},
}  # fmt: skip
_REFLECTION = {
    "reflection": PRIVATE, "token_count": 1, "input_token_count": 1, "reflected_observation_line_count": 0,
}  # fmt: skip
_READ = {"key": PRIVATE, "value": PRIVATE, "ttl": 60, "created_at": at(0), "updated_at": at(0)}

CALLS: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    ("memory", "save_thread", ({"id": ID, "resource_id": ID, "title": PRIVATE, "metadata": {PRIVATE: 1}},), {}),
    ("memory", "update_thread", (ID,), {"title": OTHER}),
    ("memory", "patch_thread", (ID,), {"metadata": {PRIVATE: 2}}),
    ("memory", "update_thread_metadata", (ID,), {"update": lambda thread: {"metadata": {PRIVATE: thread.title}}}),
    ("memory", "get_thread_by_id", (ID,), {"resource_id": ID}),
    ("memory", "list_threads", (), {"metadata": {PRIVATE: OTHER}}),
    ("memory", "iter_threads", (), {"resource_id": ID}),
    ("memory", "save_messages", ([_MESSAGE, {**_MESSAGE, "id": OTHER}],), {}),
    ("memory", "update_messages", ([{"id": ID, "content": OTHER}],), {}),
    ("memory", "list_messages_by_id", ([ID],), {}),
    ("memory", "list_messages", (ID,), {"include": [{"id": ID, "with_next_messages": 1}]}),
    ("memory", "list_messages_by_resource_id", (ID,), {}),
    ("memory", "iter_messages", (ID,), {"batch_size": 1}),
    ("memory", "clone_thread", (ID,), {"new_thread_id": OTHER}),
    ("memory", "copy_thread", (ID,), {}),
    ("memory", "update_thread_resource_id", (OTHER,), {"resource_id": OTHER}),
    ("memory", "save_resource", ({"id": ID, "working_memory": PRIVATE},), {}),
    ("memory", "update_resource", (ID,), {"metadata": {PRIVATE: PRIVATE}}),
    ("memory", "get_resource_by_id", (ID,), {}),
    ("memory", "latest_messages", (ID,), {"limit": 1}),
    ("memory", "insert_observational_memory_record", (_MEMORY,), {}),
    ("memory", "initialize_observational_memory", (), {**_BEGIN, "config": {PRIVATE: 1}}),
    ("memory", "get_observational_memory", (ID,), {}),
    ("memory", "get_observational_memory_history", (ID,), {}),
    ("memory", "update_active_observations", (ID,), _OBSERVED),
    ("memory", "update_buffered_observations", (ID,), {"chunk": _CHUNK}),
    ("memory", "swap_buffered_to_active", (ID,), _SWAP),
    ("memory", "set_reflecting_flag", (ID,), {"value": True}),
    ("memory", "set_observing_flag", (ID,), {"value": True}),
    ("memory", "set_buffering_reflection_flag", (ID,), {"value": True}),
    ("memory", "set_buffering_observation_flag", (ID,), {"value": True}),
    ("memory", "set_pending_message_tokens", (ID,), {"token_count": 1}),
    ("memory", "update_observational_memory_config", (ID,), {"config": {PRIVATE: PRIVATE}}),
    ("memory", "update_buffered_reflection", (ID,), _REFLECTION),
    ("memory", "swap_buffered_reflection_to_active", (_MEMORY,), {"token_count": 1}),
    ("memory", "create_reflection_generation", ({**_MEMORY, "generation_count": 1},), _NEXT),
    ("memory", "clear_observational_memory", (ID,), {}),
    ("memory", "delete_messages", ([OTHER],), {}),
    ("memory", "delete_thread", (OTHER,), {"deletes_vectors": True}),
    ("memory", "prune", ({"messages": _DAY, "threads": _DAY},), {}),
    ("memory", "dangerously_clear_all", (), {}),
    ("checkpoints", "save_checkpoint", (_CHECKPOINT,), {"values": {PRIVATE: _STATE}}),
    ("checkpoints", "save_writes", (ID,), {
        "checkpoint_id": ID, "writes": [{"task_id": ID, "index": 0, "channel": PRIVATE, "value": _STATE}],
    }),
    ("checkpoints", "get_checkpoint", (ID,), {}),
    ("checkpoints", "iterate_checkpoints", (ID,), {"metadata": {PRIVATE: 1}}),
    ("checkpoints", "get_channel_histories", (ID,), {"channels": [PRIVATE]}),
    ("checkpoints", "copy_thread", (ID,), {"new_thread_id": OTHER}),
    ("checkpoints", "keep_latest", (ID,), {}),
    ("checkpoints", "delete_runs", ([ID],), {}),
    ("checkpoints", "delete_thread", (OTHER,), {}),
    ("checkpoints", "prune", ({"checkpoints": _DAY},), {}),
    ("checkpoints", "dangerously_clear_all", (), {}),
    ("key_values", "set_many", (ID,), {"entries": [{"key": PRIVATE, "value": PRIVATE, "ttl": 60}]}),
    ("key_values", "get_many", (ID,), {"keys": [PRIVATE]}),
    ("key_values", "list", (ID,), {"namespace": [PRIVATE]}),
    ("key_values", "iter_keys", (ID,), {"key_prefix": PRIVATE}),
    ("key_values", "iter_namespaces", (ID,), {"prefix": [PRIVATE]}),
    ("key_values", "renew_many", (ID,), {"found": [_READ]}),
    ("key_values", "delete_many", (ID,), {"keys": [PRIVATE]}),
    ("key_values", "clear", (ID,), {}),
    ("key_values", "sweep", (), {}),
    ("key_values", "prune", ({"key_values": _DAY},), {}),
    ("key_values", "dangerously_clear_all", (), {}),
    ("thread_state", "set_state", (ID,), {"type": PRIVATE, "value": {PRIVATE: PRIVATE}}),
    ("thread_state", "get_state", (ID,), {"type": PRIVATE}),
    ("thread_state", "delete_state", (ID,), {"type": PRIVATE}),
    ("thread_state", "prune", ({"thread_state": _DAY},), {}),
    ("thread_state", "dangerously_clear_all", (), {}),
    ("agent_sessions", "append_entries", (ID,), {"session_id": ID, "entries": [{PRIVATE: 1}], "subpath": PRIVATE}),
    ("agent_sessions", "get_entries", (ID,), {"session_id": ID, "subpath": PRIVATE}),
    ("agent_sessions", "get_subpaths", (ID,), {"session_id": ID}),
    ("agent_sessions", "list_sessions", (ID,), {}),
    ("agent_sessions", "delete_subpath", (ID,), {"session_id": ID, "subpath": PRIVATE}),
    ("agent_sessions", "delete_session", (ID,), {"session_id": ID}),
    ("agent_sessions", "prune", ({"agent_sessions": _DAY},), {}),
    ("agent_sessions", "dangerously_clear_all", (), {}),
    ("workflows", "persist_workflow_snapshot", (ID,), {"run_id": ID, "snapshot": _SNAPSHOT}),
    ("workflows", "load_workflow_snapshot", (ID,), {"run_id": ID}),
    ("workflows", "update_workflow_results", (ID,), {"run_id": ID, "step_id": PRIVATE, "result": {PRIVATE: 1}}),
    ("workflows", "update_workflow_state", (ID,), {"run_id": ID, "status": "failed", "error": {"message": PRIVATE}}),
    ("workflows", "list_workflow_runs", (), {"workflow_name": ID, "from_date": at(0)}),
    ("workflows", "get_workflow_run_by_id", (ID,), {}),
    ("workflows", "claim_run", (ID,), {"run_id": ID, "owner": PRIVATE, "lease": timedelta(minutes=1)}),
    ("workflows", "renew_claim", (_CLAIM,), {"lease": timedelta(minutes=1)}),
    ("workflows", "list_expired_claims", (), {"workflow_name": ID}),
    ("workflows", "release_claim", (_CLAIM,), {}),
    ("workflows", "delete_workflow_run_by_id", (ID,), {"workflow_name": ID}),
    ("workflows", "prune", ({"workflow_snapshot": _DAY},), {}),
    ("workflows", "dangerously_clear_all", (), {}),
    ("scores", "save_score", (_SCORE,), {}),
    ("scores", "get_score_by_id", (ID,), {}),
    ("scores", "list_scores_by_scorer_id", (ID,), {}),
    ("scores", "list_scores_by_run_id", (ID,), {}),
    ("scores", "list_scores_by_entity_id", (ID,), {"entity_type": PRIVATE}),
    ("scores", "list_scores_by_span", (ID,), {"span_id": ID}),
    ("scores", "prune", ({"scorers": _DAY},), {}),
    ("scores", "dangerously_clear_all", (), {}),
    ("observability", "create_span", (_SPAN,), {}),
    ("observability", "batch_create_spans", ([_SPAN],), {}),
    ("observability", "update_span", (ID,), {"span_id": ID, "updates": {"metadata": {PRIVATE: PRIVATE}}}),
    ("observability", "batch_update_spans", ([_UPDATE],), {}),
    ("observability", "get_span", (ID,), {"span_id": ID}),
    ("observability", "get_spans", (ID,), {"span_ids": [ID]}),
    ("observability", "get_root_span", (ID,), {}),
    ("observability", "get_trace", (ID,), {}),
    ("observability", "get_structure", (ID,), {}),
    ("observability", "get_trace_light", (ID,), {}),
    ("observability", "get_branch", (ID,), {"span_id": ID}),
    ("observability", "list_traces", ({"thread_id": PRIVATE},), {}),
    ("observability", "list_traces_light", (), {}),
    ("observability", "list_whole_traces", (), {}),
    ("observability", "list_branches", ({"metadata": {PRIVATE: PRIVATE}},), {}),
    ("observability", "query_traces", ({"timeRange": {"from": at(0)}},), {}),
    ("observability", "get_trace_totals", ([ID],), {}),
    ("observability", "get_totals", (), {"started_at": {"start": at(0)}}),
    ("observability", "get_entity_types", (), {}),
    ("observability", "get_entity_names", (), {"entity_type": PRIVATE}),
    ("observability", "get_service_names", (), {}),
    ("observability", "get_environments", (), {}),
    ("observability", "get_tags", (), {}),
    ("observability", "get_features", (), {}),
    ("observability", "rebuild", (), {}),
    ("observability", "batch_delete_traces", ([ID],), {"resource_id": PRIVATE}),
    ("observability", "batch_delete_traces", ([ID],), {}),
    ("observability", "prune", ({"traces": _DAY},), {}),
    ("observability", "dangerously_clear_all", (), {}),
    ("schedules", "create_schedule", (_SCHEDULE,), {}),
    ("schedules", "get_schedule", (ID,), {}),
    ("schedules", "list_schedules", (), {"owner_id": None}),
    ("schedules", "list_due_schedules", (1,), {}),
    ("schedules", "update_schedule_next_fire", (ID,), _FIRE),
    ("schedules", "update_schedule", (ID,), {"metadata": {PRIVATE: PRIVATE}}),
    ("schedules", "record_trigger", (_TRIGGER,), {}),
    ("schedules", "list_triggers", (ID,), {}),
    ("schedules", "delete_schedule", (ID,), {}),
    ("schedules", "prune", ({"triggers": _DAY},), {}),
    ("schedules", "dangerously_clear_all", (), {}),
    ("channels", "save_installation", (_INSTALLATION,), {}),
    ("channels", "get_installation", (ID,), {}),
    ("channels", "get_installation_by_agent", (PRIVATE,), {"agent_id": ID}),
    ("channels", "get_installation_by_webhook_id", (ID,), {}),
    ("channels", "list_installations", (PRIVATE,), {}),
    ("channels", "delete_installation", (ID,), {}),
    ("channels", "save_config", ({"platform": PRIVATE, "data": {PRIVATE: 1}},), {}),
    ("channels", "get_config", (PRIVATE,), {}),
    ("channels", "delete_config", (PRIVATE,), {}),
    ("channels", "prune", ({},), {}),
    ("channels", "dangerously_clear_all", (), {}),
    ("background_tasks", "create_task", (_TASK,), {}),
    ("background_tasks", "get_task", (ID,), {}),
    ("background_tasks", "update_task", (ID,), {"status": "running", "result": PRIVATE}),
    ("background_tasks", "list_tasks", (), {"agent_id": ID}),
    ("background_tasks", "get_running_count", (), {}),
    ("background_tasks", "get_running_count_by_agent", (ID,), {}),
    ("background_tasks", "delete_task", (ID,), {}),
    ("background_tasks", "delete_tasks", (), {"run_id": ID}),
    ("background_tasks", "prune", ({"background_tasks": _DAY},), {}),
    ("background_tasks", "dangerously_clear_all", (), {}),
    ("cache", "set", (ID,), {"value": PRIVATE}),
    ("cache", "get", (ID,), {}),
    ("cache", "increment", (OTHER,), {}),
    ("cache", "list_push", (PRIVATE,), {"value": PRIVATE}),
    ("cache", "list_length", (PRIVATE,), {}),
    ("cache", "list_from_to", (PRIVATE,), {"from_": 0}),
    ("cache", "list_push_indexed", (PRIVATE,), {"counter_key": OTHER, "value": {PRIVATE: 1}}),
    ("cache", "delete", (ID,), {}),
    ("cache", "sweep", (), {}),
    ("cache", "clear", (), {}),
    ("cache", "prune", ({"cache": _DAY},), {}),
    ("cache", "dangerously_clear_all", (), {}),
    ("vector", "create_index", (ID,), {"dimension": 2}),
    ("vector", "list_indexes", (), {}),
    ("vector", "upsert", (ID,), {"vectors": [[1, 2], [2, 1]], "ids": [ID, OTHER], "metadata": [{PRIVATE: 1}, {}]}),
    ("vector", "update_vector", (ID,), {"id": ID, "metadata": {PRIVATE: PRIVATE}}),
    ("vector", "query", (ID,), {"query_vector": [1, 2], "filter": {PRIVATE: PRIVATE}}),
    ("vector", "get_vectors", (ID,), {"ids": [ID]}),
    ("vector", "describe_index", (ID,), {}),
    ("vector", "delete_vector", (ID,), {"id": OTHER}),
    ("vector", "delete_vectors", (ID,), {"filter": {PRIVATE: PRIVATE}}),
    ("vector", "truncate_index", (ID,), {}),
    ("vector", "delete_index", (ID,), {}),
    ("vector", "prune", ({},), {}),
    ("vector", "dangerously_clear_all", (), {}),
    ("documents", "put", (PRIVATE,), {"record": {"id": ID, PRIVATE: PRIVATE}}),
    ("documents", "put_many", (PRIVATE,), {"records": [{"id": OTHER}]}),
    ("documents", "get", (PRIVATE,), {"id": ID}),
    ("documents", "list", (PRIVATE,), {"filter": {PRIVATE: PRIVATE}}),
    ("documents", "delete", (PRIVATE,), {"id": ID}),
    ("documents", "clear", (PRIVATE,), {}),
    ("documents", "prune", ({},), {}),
    ("documents", "dangerously_clear_all", (), {}),
]  # fmt: skip


def public_methods() -> set[tuple[str, str]]:
    """Domain and name of each that ends by itself; `init` and `aclose` do nothing unless a domain says otherwise."""
    return {
        (domain, name)
        for domain, found in registered_domains().items()
        for name, member in getmembers(found, lambda member: iscoroutinefunction(member) or isasyncgenfunction(member))
        if not name.startswith(("_", "watch_", "follow_", "wait_")) and name not in ("init", "aclose")
    }


async def run(domain: DomainStore, method: str, *args: Any, **options: Any) -> None:
    """Calls a method to its end."""
    call = getattr(domain, method)(*args, **options)
    if hasattr(call, "__aiter__"):
        async for _ in call:
            pass
    else:
        await call
