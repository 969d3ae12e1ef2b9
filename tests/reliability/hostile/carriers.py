"""The places where a store keeps what users give: each stores a value under a new id and reads it back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mastra_convex import ConvexStore
from tests.reliability.hostile.outcomes import plain

Carrier = Callable[[ConvexStore, str, Any], Awaitable[Any]]
"""Store, a new id, the value; answers the value as it is read back."""

_NO_TEXT: dict[str, Any] = {"parts": []}
_SCORE = {"scorer_id": "s", "entity_id": "e", "run_id": "r", "score": 1, "source": "LIVE"}


async def thread_metadata(store: ConvexStore, id: str, value: Any) -> Any:
    saved = await store.memory.save_thread({"id": id, "resource_id": "u", "metadata": value})
    found = await store.memory.get_thread_by_id(id)
    assert plain(found) == plain(saved)
    return found and found.metadata


async def merged_thread_metadata(store: ConvexStore, id: str, value: Any) -> Any:
    await store.memory.save_thread({"id": id, "resource_id": "u"})
    answer = await store.memory.update_thread(id, metadata=value)
    found = await store.memory.get_thread_by_id(id)
    assert plain(found) == plain(answer)
    return found and found.metadata


async def content(store: ConvexStore, id: str, value: Any) -> Any:
    content = {"parts": [], **value} if isinstance(value, dict) else value
    message = {"id": id, "thread_id": id, "resource_id": "u", "role": "user", "content": content}
    saved = await store.memory.save_messages([message])
    page = await store.memory.list_messages(id)
    assert plain(page.messages) == plain(saved)
    return {key: item for key, item in page.messages[0].content.items() if key != "parts"}


async def content_metadata(store: ConvexStore, id: str, value: Any) -> Any:
    message = {"id": id, "thread_id": id, "resource_id": "u", "role": "user", "content": _NO_TEXT}
    await store.memory.save_messages([message])
    await store.memory.update_messages([{"id": id, "content": {"metadata": value}}])
    [found] = await store.memory.list_messages_by_id([id])
    return found.content["metadata"]


async def resource_metadata(store: ConvexStore, id: str, value: Any) -> Any:
    saved = await store.memory.save_resource({"id": id, "metadata": value})
    found = await store.memory.get_resource_by_id(id)
    assert plain(found) == plain(saved)
    return found and found.metadata


async def merged_resource_metadata(store: ConvexStore, id: str, value: Any) -> Any:
    return (await store.memory.update_resource(id, metadata=value)).metadata


async def snapshot(store: ConvexStore, id: str, value: Any) -> Any:
    await store.workflows.persist_workflow_snapshot("w", run_id=id, snapshot=value)
    found = await store.workflows.get_workflow_run_by_id(id, workflow_name="w")
    loaded = await store.workflows.load_workflow_snapshot("w", run_id=id)
    assert found is not None
    assert found.snapshot == loaded
    return loaded


async def step_result(store: ConvexStore, id: str, value: Any) -> Any:
    await store.workflows.persist_workflow_snapshot("w", run_id=id, snapshot={"context": {}})
    context = await store.workflows.update_workflow_results("w", run_id=id, step_id="step", result=value)
    return context["step"]


async def run_error(store: ConvexStore, id: str, value: Any) -> Any:
    await store.workflows.persist_workflow_snapshot("w", run_id=id, snapshot={"context": {}})
    changed = await store.workflows.update_workflow_state("w", run_id=id, status="failed", error=value)
    return changed and changed["error"]


async def scorer(store: ConvexStore, id: str, value: Any) -> Any:
    given = {**_SCORE, "id": id, "scorer": value, "entity": {}, "output": None, "structured_output": value}
    saved = await store.scores.save_score(given)
    found = await store.scores.get_score_by_id(id)
    assert plain(found) == plain(saved)
    assert found is not None
    assert found.structured_output == found.scorer
    return found.scorer


async def vector_metadata(store: ConvexStore, id: str, value: Any) -> Any:
    await store.vector.create_index(id, dimension=1)
    await store.vector.upsert(id, vectors=[[1]], metadata=[value], ids=["v"])
    [hit] = await store.vector.query(id, query_vector=[1])
    return hit.metadata


async def merged_vector_metadata(store: ConvexStore, id: str, value: Any) -> Any:
    await store.vector.create_index(id, dimension=1)
    await store.vector.upsert(id, vectors=[[1]], ids=["v"])
    await store.vector.update_vector(id, id="v", metadata=value)
    [hit] = await store.vector.query(id, query_vector=[1])
    return hit.metadata


async def document(store: ConvexStore, id: str, value: Any) -> Any:
    saved = await store.documents.put("t", record={"id": id, "value": value})
    found = await store.documents.get("t", id=id)
    assert plain(found) == plain(saved)
    return found and found["value"]


async def state(store: ConvexStore, id: str, value: Any) -> Any:
    await store.thread_state.set_state(id, type="task", value=value)
    return await store.thread_state.get_state(id, type="task")


async def score_output(store: ConvexStore, id: str, value: Any) -> Any:
    given = {**_SCORE, "id": id, "scorer": {}, "entity": {}, "output": value, "input": value}
    found = await store.scores.save_score(given)
    assert found.input == found.output
    return found.output


async def title(store: ConvexStore, id: str, value: Any) -> Any:
    await store.memory.save_thread({"id": id, "resource_id": "u", "title": value})
    found = await store.memory.get_thread_by_id(id)
    return found and found.title


async def working_memory(store: ConvexStore, id: str, value: Any) -> Any:
    return (await store.memory.update_resource(id, working_memory=value)).working_memory


async def message_text(store: ConvexStore, id: str, value: Any) -> Any:
    message = {"id": id, "thread_id": id, "resource_id": "u", "role": "user", "content": value}
    [saved] = await store.memory.save_messages([message])
    [found] = await store.memory.list_messages_by_id([id])
    assert plain(found) == plain(saved)
    return found.text


async def reason(store: ConvexStore, id: str, value: Any) -> Any:
    given = {**_SCORE, "id": id, "scorer": {}, "entity": {}, "output": None, "reason": value}
    return (await store.scores.save_score(given)).reason


async def thread_id(store: ConvexStore, id: str, value: Any) -> Any:
    await store.memory.save_thread({"id": value, "resource_id": id})
    message = {"id": id, "thread_id": value, "resource_id": id, "role": "user", "content": _NO_TEXT}
    await store.memory.save_messages([message])
    page = await store.memory.list_messages(value)
    found = await store.memory.get_thread_by_id(value)
    assert id in [message.id for message in page.messages]
    return found and found.id


async def resource_id(store: ConvexStore, id: str, value: Any) -> Any:
    await store.memory.save_thread({"id": id, "resource_id": "u"})
    moved = await store.memory.update_thread_resource_id(id, resource_id=value)
    page = await store.memory.list_threads(resource_id=value)
    assert id in [thread.id for thread in page.threads]
    return moved.resource_id


async def message_id(store: ConvexStore, id: str, value: Any) -> Any:
    message = {"id": value, "thread_id": id, "resource_id": "u", "role": "user", "content": _NO_TEXT}
    await store.memory.save_messages([message])
    [found] = await store.memory.list_messages_by_id([value])
    page = await store.memory.list_messages(id, include=[{"id": value}])
    assert [message.id for message in page.messages] == [value]
    await store.memory.delete_messages([value])
    return found.id


async def run_id(store: ConvexStore, id: str, value: Any) -> Any:
    await store.workflows.persist_workflow_snapshot(value, run_id=value, snapshot={}, resource_id=value)
    page = await store.workflows.list_workflow_runs(workflow_name=value, resource_id=value)
    [run] = page.runs
    assert run.workflow_name == run.resource_id == run.run_id
    return run.run_id


async def step_id(store: ConvexStore, id: str, value: Any) -> Any:
    await store.workflows.persist_workflow_snapshot("w", run_id=id, snapshot={"context": {}})
    await store.workflows.update_workflow_results("w", run_id=id, step_id=value, result={"n": 1})
    loaded = await store.workflows.load_workflow_snapshot("w", run_id=id) or {}
    [(step, result)] = loaded["context"].items()
    assert result == {"n": 1}
    return step


async def score_id(store: ConvexStore, id: str, value: Any) -> Any:
    given = {**_SCORE, "id": value, "scorer_id": value, "entity": {}, "scorer": {}, "output": None, "entity_id": id}
    await store.scores.save_score(given)
    page = await store.scores.list_scores_by_scorer_id(value, entity_id=id)
    [found] = page.scores
    assert found.id == found.scorer_id
    return found.id


async def state_type(store: ConvexStore, id: str, value: Any) -> Any:
    await store.thread_state.set_state(id, type=value, value=value)
    return await store.thread_state.get_state(id, type=value)


async def document_id(store: ConvexStore, id: str, value: Any) -> Any:
    await store.documents.put(value, record={"id": value})
    [found] = (await store.documents.list(value, filter={"id": value})).documents
    await store.documents.clear(value)
    return found["id"]


async def vector_id(store: ConvexStore, id: str, value: Any) -> Any:
    await store.vector.create_index(value, dimension=1)
    await store.vector.upsert(value, vectors=[[1]], ids=[value])
    [hit] = await store.vector.query(value, filter={"none": {"$exists": False}})
    assert value in await store.vector.list_indexes()
    await store.vector.delete_index(value)
    return hit.id


async def score_number(store: ConvexStore, id: str, value: Any) -> Any:
    given = {**_SCORE, "id": id, "scorer": {}, "entity": {}, "output": None, "score": value}
    return (await store.scores.save_score(given)).score


async def vector(store: ConvexStore, id: str, value: Any) -> Any:
    await store.vector.create_index(id, dimension=1)
    await store.vector.upsert(id, vectors=[[value]], ids=["v"])
    [hit] = await store.vector.query(id, filter={"none": None}, include_vector=True)
    return hit.vector


async def thread_time(store: ConvexStore, id: str, value: Any) -> Any:
    await store.memory.save_thread({"id": id, "resource_id": id, "created_at": value, "updated_at": value})
    [found] = (await store.memory.list_threads(resource_id=id)).threads
    assert found.updated_at == found.created_at
    return found.created_at


async def message_time(store: ConvexStore, id: str, value: Any) -> Any:
    message = {
        "id": id,
        "thread_id": id,
        "resource_id": "u",
        "role": "user",
        "content": _NO_TEXT,
        "created_at": value,
    }
    await store.memory.save_messages([message])
    [found] = (await store.memory.list_messages(id, start=value, end=value)).messages
    return found.created_at


async def run_time(store: ConvexStore, id: str, value: Any) -> Any:
    await store.workflows.persist_workflow_snapshot(id, run_id=id, snapshot={}, created_at=value, updated_at=value)
    [found] = (await store.workflows.list_workflow_runs(workflow_name=id, from_date=value, to_date=value)).runs
    assert found.updated_at == found.created_at
    return found.created_at


async def score_time(store: ConvexStore, id: str, value: Any) -> Any:
    given = {**_SCORE, "id": id, "scorer": {}, "entity": {}, "output": None, "created_at": value}
    return (await store.scores.save_score(given)).created_at


OBJECT_CARRIERS: list[Carrier] = [
    thread_metadata,
    merged_thread_metadata,
    content,
    content_metadata,
    resource_metadata,
    merged_resource_metadata,
    snapshot,
    step_result,
    run_error,
    scorer,
    vector_metadata,
    merged_vector_metadata,
]
"""Take a JSON object."""

VALUE_CARRIERS: list[Carrier] = [document, state, score_output]
"""Take any JSON value."""

TEXT_CARRIERS: list[Carrier] = [title, working_memory, message_text, reason]
"""Take any text."""

TIME_CARRIERS: list[Carrier] = [thread_time, message_time, run_time, score_time]
"""Take a time with a zone."""

ID_CARRIERS: list[Carrier] = [
    thread_id,
    resource_id,
    message_id,
    run_id,
    step_id,
    score_id,
    state_type,
    document_id,
    vector_id,
]
"""Take text that is not blank."""
