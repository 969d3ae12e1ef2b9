"""Every method of every domain with one argument, or one member of an argument, replaced by anything at all: an answer
or our error, the same on every backend.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from datetime import UTC, datetime
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
    "thread_state.set_state": {"thread_id": "t", "type": "task", "value": {"a": 1}},
    "thread_state.get_state": {"thread_id": "t", "type": "task"},
    "thread_state.delete_state": {"thread_id": "t", "type": "gone"},
    "documents.put": {"table": "notes", "record": {"id": "d", "a": 1}},
    "documents.put_many": {"table": "notes", "records": [{"id": "d", "a": 1}]},
    "documents.get": {"table": "notes", "id": "d"},
    "documents.list": {"table": "notes", "filter": {"a": 1}},
    "documents.delete": {"table": "notes", "id": "gone"},
    "documents.clear": {"table": "gone"},
    "vector.create_index": {"index_name": "i", "dimension": 2, "metric": "cosine"},
    "vector.list_indexes": {},
    "vector.describe_index": {"index_name": "i"},
    "vector.upsert": {"index_name": "i", "vectors": [[1, 0]], "ids": ["v"], "metadata": [{"a": 1}]},
    "vector.query": {"index_name": "i", "query_vector": [1, 0], "filter": {"a": {"$in": [1]}}, "top_k": 3},
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
ATTEMPTS = st.sampled_from(sorted(CALLS.keys() - {"vector.list_indexes"})).flatmap(
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
    assert methods - {"workflows.supports_concurrent_updates"} == CALLS.keys()


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
