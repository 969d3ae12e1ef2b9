"""Watches, with what each must give after each kind of write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mastra_convex import ConvexStore

Call = Callable[[ConvexStore], Awaitable[Any]]
LARGE = "x" * 1_500_000
"""A text that is kept in chunks."""


@dataclass(frozen=True)
class Case:
    """A watch, the read that gives the same, what is there before, and writes that each change it, or do not."""

    watch: Callable[[ConvexStore], AsyncIterator[Any]]
    read: Call
    setup: Call
    writes: dict[str, Call]
    elsewhere: Call


def message(id: str, minute: int, content: Any = "hi", thread_id: str = "t1", **members: Any) -> dict[str, Any]:
    time = f"2024-01-01T00:{minute:02}:00Z"
    parts = {"role": "user", "content": content, "created_at": time}
    return {"id": id, "thread_id": thread_id, "resource_id": "r1", **parts, **members}


async def two_threads(store: ConvexStore) -> None:
    for id in ("t1", "t2"):
        await store.memory.save_thread({"id": id, "resource_id": "r1"})
        await store.memory.save_messages([message(f"{id}-{n}", n, thread_id=id) for n in range(3)])


async def a_run(store: ConvexStore) -> None:
    for id in ("1", "2"):
        snapshot = {"status": "running", "context": {}}
        await store.workflows.persist_workflow_snapshot("trip", run_id=id, snapshot=snapshot)


async def a_task(store: ConvexStore) -> None:
    for id in ("a", "b"):
        names = {"tool_name": "x", "tool_call_id": "c", "agent_id": "g", "run_id": "r"}
        await store.background_tasks.create_task({"id": id, **names})


async def a_schedule(store: ConvexStore) -> None:
    target = {"type": "agent", "agentId": "writer", "prompt": "Write"}
    for id in ("a", "b"):
        await store.schedules.create_schedule({"id": id, "target": target, "cron": "* * * * *", "next_fire_at": 1_000})
    await store.schedules.update_schedule("b", status="paused")


def score(id: str, minute: int, **members: Any) -> dict[str, Any]:
    judged = {"run_id": "r", "entity_id": "e", "entity": {}, "output": "Hi", "source": "LIVE", "scorer": {}}
    time = f"2024-01-01T00:{minute:02}:00Z"
    return {**judged, "id": id, "scorer_id": "tone", "score": 0.5, "thread_id": "t1", "created_at": time, **members}


async def two_scores(store: ConvexStore) -> None:
    await store.scores.save_score(score("a", 1))
    await store.scores.save_score(score("b", 2, run_id="other"))


async def a_score_elsewhere(store: ConvexStore) -> None:
    await store.scores.save_score(score("z", 3, scorer_id="facts", run_id="elsewhere"))


async def two_documents(store: ConvexStore) -> None:
    await store.documents.put_many("notes", records=[{"id": "a", "done": False}, {"id": "b", "done": True}])


async def write_elsewhere(store: ConvexStore) -> None:
    await store.memory.save_messages([message("t9-1", 1, thread_id="t9")])
    await store.memory.save_thread({"id": "t9", "resource_id": "r9"})
    await store.memory.update_resource("r9", working_memory="other")
    await store.thread_state.set_state("t9", type="goal", value=1)
    await store.workflows.persist_workflow_snapshot("trip", run_id="9", snapshot={"status": "running", "context": {}})


async def documents_of(store: ConvexStore, table: str, filter: dict[str, Any]) -> list[dict[str, Any]]:
    return (await store.documents.list(table, filter=filter, order_by="-inserted", per_page=20)).documents


THREAD_WRITES: dict[str, Call] = {
    "title": lambda store: store.memory.update_thread("t1", title="New"),
    "metadata": lambda store: store.memory.update_thread("t1", metadata={"a": 1}),
    "delete": lambda store: store.memory.delete_thread("t1"),
    "put": lambda store: store.memory.save_thread(
        {"id": "t1", "resource_id": "r1", "created_at": "2024-01-01T00:00:00Z"}
    ),
    "prune": lambda store: store.prune({"memory": {"threads": "1d"}}),
}
CASES: dict[str, Case] = {
    "messages": Case(
        lambda store: store.memory.watch_messages("t1", per_page=5),
        lambda store: store.memory.list_messages("t1", per_page=5, order_by="-created_at", include_total=False),
        two_threads,
        {
            "put": lambda store: store.memory.save_messages([message("new", 30)]),
            "replace": lambda store: store.memory.save_messages([message("t1-0", 0, "other")]),
            "patch": lambda store: store.memory.update_messages([{"id": "t1-0", "content": {"metadata": {"a": 1}}}]),
            "large": lambda store: store.memory.save_messages([message("large", 40, LARGE)]),
            "delete": lambda store: store.memory.delete_messages(["t1-0"]),
            "move": lambda store: store.memory.update_thread_resource_id("t1", resource_id="r2"),
            "cascade": lambda store: store.memory.delete_thread("t1"),
            "put again": lambda store: store.memory.save_messages([message("again", 50)]),
            "prune": lambda store: store.prune({"memory": {"messages": "1d"}}),
        },
        write_elsewhere,
    ),
    "messages with a total": Case(
        lambda store: store.memory.watch_messages(["t1", "t2"], per_page=1, include_total=True, resource_id="r1"),
        lambda store: store.memory.list_messages(
            ["t1", "t2"], per_page=1, order_by="-created_at", include_total=True, resource_id="r1"
        ),
        two_threads,
        {"put": lambda store: store.memory.save_messages([message("old", 0, thread_id="t2", resource_id="r1")])},
        write_elsewhere,
    ),
    "thread": Case(
        lambda store: store.memory.watch_thread("t1"),
        lambda store: store.memory.get_thread_by_id("t1"),
        two_threads,
        THREAD_WRITES,
        write_elsewhere,
    ),
    "threads": Case(
        lambda store: store.memory.watch_threads(resource_id="r1"),
        lambda store: store.memory.list_threads(resource_id="r1", per_page=20, include_total=False),
        two_threads,
        THREAD_WRITES,
        write_elsewhere,
    ),
    "resource": Case(
        lambda store: store.memory.watch_resource("r1"),
        lambda store: store.memory.get_resource_by_id("r1"),
        two_threads,
        {
            "put": lambda store: store.memory.save_resource({"id": "r1", "working_memory": "a"}),
            "patch": lambda store: store.memory.update_resource("r1", working_memory="b"),
            "large": lambda store: store.memory.update_resource("r1", working_memory=LARGE),
        },
        write_elsewhere,
    ),
    "state": Case(
        lambda store: store.thread_state.watch_state("t1", type="goal"),
        lambda store: store.thread_state.get_state("t1", type="goal"),
        two_threads,
        {
            "put": lambda store: store.thread_state.set_state("t1", type="goal", value={"text": "Book"}),
            "large": lambda store: store.thread_state.set_state("t1", type="goal", value=LARGE),
        },
        write_elsewhere,
    ),
    "run": Case(
        lambda store: store.workflows.watch_workflow_run("1", workflow_name="trip"),
        lambda store: store.workflows.get_workflow_run_by_id("1", workflow_name="trip"),
        a_run,
        {
            "patch": lambda store: store.workflows.update_workflow_state("trip", run_id="1", status="suspended"),
            "large": lambda store: store.workflows.persist_workflow_snapshot(
                "trip", run_id="1", snapshot={"status": "success", "context": {"text": LARGE}}
            ),
            "delete": lambda store: store.workflows.delete_workflow_run_by_id("1", workflow_name="trip"),
        },
        write_elsewhere,
    ),
    "run of any workflow": Case(
        lambda store: store.workflows.watch_workflow_run("1"),
        lambda store: store.workflows.get_workflow_run_by_id("1"),
        a_run,
        {
            "put": lambda store: store.workflows.persist_workflow_snapshot(
                "tour", run_id="1", snapshot={"status": "running", "context": {}}
            ),
        },
        write_elsewhere,
    ),
    "runs": Case(
        lambda store: store.workflows.watch_workflow_runs(workflow_name="trip", status="running", include_total=True),
        lambda store: store.workflows.list_workflow_runs(
            workflow_name="trip", status="running", page=0, per_page=20, include_total=True
        ),
        a_run,
        {
            "put": lambda store: store.workflows.persist_workflow_snapshot(
                "trip", run_id="3", snapshot={"status": "running", "context": {}}
            ),
            "patch": lambda store: store.workflows.update_workflow_state("trip", run_id="1", status="suspended"),
            "delete": lambda store: store.workflows.delete_workflow_run_by_id("2", workflow_name="trip"),
        },
        lambda store: store.workflows.persist_workflow_snapshot(
            "tour", run_id="1", snapshot={"status": "running", "context": {}}
        ),
    ),
    "task": Case(
        lambda store: store.background_tasks.watch_task("a"),
        lambda store: store.background_tasks.get_task("a"),
        a_task,
        {
            "patch": lambda store: store.background_tasks.update_task("a", status="running"),
            "delete": lambda store: store.background_tasks.delete_task("a"),
        },
        lambda store: store.background_tasks.update_task("b", status="running"),
    ),
    "scores": Case(
        lambda store: store.scores.watch_scores(scorer_id="tone", source="LIVE", include_total=True),
        lambda store: store.scores.list_scores_by_scorer_id("tone", source="LIVE", per_page=20),
        two_scores,
        {
            "put": lambda store: store.scores.save_score(score("c", 4)),
            "replace": lambda store: store.scores.save_score(score("a", 1, score=0.9)),
            "large": lambda store: store.scores.save_score(score("large", 5, output=LARGE)),
            "prune": lambda store: store.prune({"scores": {"scorers": "1d"}}),
        },
        a_score_elsewhere,
    ),
    "scores of a run": Case(
        lambda store: store.scores.watch_scores(run_id="r", thread_id="t1"),
        lambda store: store.scores.list_scores_by_run_id("r", per_page=20, include_total=False),
        two_scores,
        {"put": lambda store: store.scores.save_score(score("c", 4, scorer_id="facts"))},
        a_score_elsewhere,
    ),
    "documents": Case(
        lambda store: store.documents.watch_documents("notes", filter={"done": False}, order_by="-inserted"),
        lambda store: documents_of(store, "notes", {"done": False}),
        two_documents,
        {
            "put": lambda store: store.documents.put("notes", record={"id": "c", "done": False}),
            "leave": lambda store: store.documents.put("notes", record={"id": "a", "done": True}),
            "large": lambda store: store.documents.put("notes", record={"id": "c", "done": False, "text": LARGE}),
            "delete": lambda store: store.documents.delete("notes", id="c"),
        },
        lambda store: store.documents.put("others", record={"id": "a", "done": False}),
    ),
    "due": Case(
        lambda store: store.schedules.watch_due(),
        lambda store: store.schedules.list_due_schedules(2_000),
        a_schedule,
        {
            "patch": lambda store: store.schedules.update_schedule("a", metadata={"a": 1}),
            "resume": lambda store: store.schedules.update_schedule("b", status="active"),
            "claim": lambda store: store.schedules.update_schedule("a", next_fire_at=10**13),
            "delete": lambda store: store.schedules.delete_schedule("b"),
        },
        lambda store: store.schedules.update_schedule("b", metadata={"b": 1}),
    ),
}
