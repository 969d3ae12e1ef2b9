"""A call of every public method of every domain, in an order in which all succeed. All that is stored is PRIVATE."""

from __future__ import annotations

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
    ("memory", "delete_messages", ([OTHER],), {}),
    ("memory", "delete_thread", (OTHER,), {"deletes_vectors": True}),
    ("memory", "prune", ({"messages": _DAY, "threads": _DAY},), {}),
    ("memory", "dangerously_clear_all", (), {}),
    ("thread_state", "set_state", (ID,), {"type": PRIVATE, "value": {PRIVATE: PRIVATE}}),
    ("thread_state", "get_state", (ID,), {"type": PRIVATE}),
    ("thread_state", "delete_state", (ID,), {"type": PRIVATE}),
    ("thread_state", "prune", ({"thread_state": _DAY},), {}),
    ("thread_state", "dangerously_clear_all", (), {}),
    ("workflows", "persist_workflow_snapshot", (ID,), {"run_id": ID, "snapshot": _SNAPSHOT}),
    ("workflows", "load_workflow_snapshot", (ID,), {"run_id": ID}),
    ("workflows", "update_workflow_results", (ID,), {"run_id": ID, "step_id": PRIVATE, "result": {PRIVATE: 1}}),
    ("workflows", "update_workflow_state", (ID,), {"run_id": ID, "status": "failed", "error": {"message": PRIVATE}}),
    ("workflows", "list_workflow_runs", (), {"workflow_name": ID, "from_date": at(0)}),
    ("workflows", "get_workflow_run_by_id", (ID,), {}),
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
    ("vector", "create_index", (ID,), {"dimension": 2}),
    ("vector", "list_indexes", (), {}),
    ("vector", "upsert", (ID,), {"vectors": [[1, 2], [2, 1]], "ids": [ID, OTHER], "metadata": [{PRIVATE: 1}, {}]}),
    ("vector", "update_vector", (ID,), {"id": ID, "metadata": {PRIVATE: PRIVATE}}),
    ("vector", "query", (ID,), {"query_vector": [1, 2], "filter": {PRIVATE: PRIVATE}}),
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
    """Domain and name of each; `init` and `aclose` do nothing unless a domain says otherwise."""
    return {
        (domain, name)
        for domain, found in registered_domains().items()
        for name, member in getmembers(found, lambda member: iscoroutinefunction(member) or isasyncgenfunction(member))
        if not name.startswith("_") and name not in ("init", "aclose")
    }


async def run(domain: DomainStore, method: str, *args: Any, **options: Any) -> None:
    """Calls a method to its end."""
    call = getattr(domain, method)(*args, **options)
    if hasattr(call, "__aiter__"):
        async for _ in call:
            pass
    else:
        await call
