"""The kinds of records that may be large: how one is stored and read back, with a text in it that makes it large."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mastra_convex import ConvexStore
from mastra_convex_domains import Message, Resource, Score
from tests.data import at


@dataclass(frozen=True)
class Kind:
    """`save` stores a value under a name in place of the one there, `load` gives it back, None where there is none."""

    name: str
    table: str
    save: Callable[[ConvexStore, str, Any], Awaitable[object]]
    load: Callable[[ConvexStore, str], Awaitable[Any]]
    delete: Callable[[ConvexStore, str], Awaitable[object]]

    def __str__(self) -> str:
        return self.name


def attachment(data: Any) -> dict[str, Any]:
    """The content of a message with an attachment, as the AI SDK has it."""
    parts = [{"type": "text", "text": "Look at this"}, {"type": "file", "mimeType": "image/png", "data": data}]
    return {"format": 2, "parts": parts, "metadata": {"topic": "images"}}


def message(name: str, data: Any, *, thread_id: str = "t1", n: int = 0) -> Message:
    return Message(
        id=name, thread_id=thread_id, resource_id="user-1", role="user", content=attachment(data), created_at=at(n)
    )


async def _load_message(store: ConvexStore, name: str) -> Any:
    found = await store.memory.list_messages_by_id([name])
    return found[0].content["parts"][1]["data"] if found else None


def snapshot(data: Any) -> dict[str, Any]:
    return {"status": "suspended", "context": {"input": {}, "fetch": {"status": "success", "output": {"page": data}}}}


async def _load_snapshot(store: ConvexStore, name: str) -> Any:
    found = await store.workflows.load_workflow_snapshot("w", run_id=name)
    return None if found is None else found["context"]["fetch"]["output"]["page"]


async def _save_span(store: ConvexStore, name: str, data: Any) -> None:
    span = {"trace_id": name, "span_id": "s", "name": "run", "span_type": "agent_run", "started_at": at(0)}
    await store.observability.create_span({**span, "input": data})


async def _load_span(store: ConvexStore, name: str) -> Any:
    found = await store.observability.get_span(name, span_id="s")
    return found and found.input


async def _save_resource(store: ConvexStore, name: str, data: Any) -> None:
    text = data if isinstance(data, str) else repr(data)
    await store.memory.save_resource(Resource(id=name, working_memory=text))


async def _load_resource(store: ConvexStore, name: str) -> Any:
    found = await store.memory.get_resource_by_id(name)
    return None if found is None else found.working_memory


def score(name: str, data: Any) -> Score:
    return Score(
        id=name,
        scorer_id="relevance",
        entity_id="agent",
        run_id="run",
        score=0.5,
        scorer={"name": "Relevance"},
        entity={},
        source="LIVE",
        input={"question": "What is this?"},
        output={"answer": data},
        structured_output={"verdict": [data]},
    )


async def _load_score(store: ConvexStore, name: str) -> Any:
    found = await store.scores.get_score_by_id(name)
    if found is None:
        return None
    assert found.structured_output == {"verdict": [found.output["answer"]]}
    return found.output["answer"]


async def _load_document(store: ConvexStore, name: str) -> Any:
    found = await store.documents.get("files", id=name)
    return None if found is None else found["data"]


KINDS = (
    Kind(
        "message",
        "mastra_messages",
        lambda store, name, data: store.memory.save_messages([message(name, data)]),
        _load_message,
        lambda store, name: store.memory.delete_messages([name]),
    ),
    Kind(
        "snapshot",
        "mastra_workflow_snapshots",
        lambda store, name, data: store.workflows.persist_workflow_snapshot("w", run_id=name, snapshot=snapshot(data)),
        _load_snapshot,
        lambda store, name: store.workflows.delete_workflow_run_by_id(name, workflow_name="w"),
    ),
    Kind(
        "working memory",
        "mastra_resources",
        _save_resource,
        _load_resource,
        lambda store, name: store.memory.dangerously_clear_all(),
    ),
    Kind(
        "score",
        "mastra_scorers",
        lambda store, name, data: store.scores.save_score(score(name, data)),
        _load_score,
        lambda store, name: store.scores.dangerously_clear_all(),
    ),
    Kind(
        "document",
        "mastra_documents",
        lambda store, name, data: store.documents.put("files", record={"id": name, "kind": "note", "data": data}),
        _load_document,
        lambda store, name: store.documents.delete("files", id=name),
    ),
    Kind(
        "thread state",
        "mastra_thread_state",
        lambda store, name, data: store.thread_state.set_state(name, type="task", value=data),
        lambda store, name: store.thread_state.get_state(name, type="task"),
        lambda store, name: store.thread_state.delete_state(name, type="task"),
    ),
    Kind(
        "span",
        "mastra_ai_spans",
        _save_span,
        _load_span,
        lambda store, name: store.observability.batch_delete_traces([name]),
    ),
)
