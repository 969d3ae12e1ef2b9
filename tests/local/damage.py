"""A file with a row of each table, ways to damage one behind the back of the package, and calls that meet it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from mastra_convex import ConvexStore, DamagedRowError, MastraConvexError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.server import LocalServer
from mastra_convex.tables import Table
from tests.backends import KEY, DomainClasses, all_tables, remote_store
from tests.data import messages, thread
from tests.domains.scores.test_scores import score

KEYS = {
    "mastra_threads": ["t1"],
    "mastra_messages": ["t1-m00001"],
    "mastra_resources": ["user-1"],
    "mastra_workflow_snapshots": ["flow", "run"],
    "mastra_scorers": ["s0001"],
    "mastra_thread_state": ["t1", "goal"],
    "mastra_documents": ["notes", "a"],
    "mastra_vector_indexes": ["docs"],
    "mastra_vectors": ["docs", "v1"],
}
"""A row of each table, by its key."""

WHOLE = {
    "cut": "substr(doc, 1, 12)",
    "no UTF-8": "CAST(x'7b22ff227d' AS TEXT)",
    "a blob of no UTF-8": "x'7b22ff227d'",
    "null": "'null'",
    "an array": "'[1, 2]'",
    "a number": "'5'",
    "a text": "'\"text\"'",
    "empty": "''",
    "no columns": "'{}'",
    "two documents": "doc || doc",
}
"""What becomes of the document of a row, in SQL."""

Call = Callable[[ConvexStore], Awaitable[Any]]


async def fill(path: Path) -> None:
    async with ConvexStore.local(path) as store:
        await store.memory.save_thread(thread("t1").model_copy(update={"metadata": {"a": 1}}))
        await store.memory.save_thread(thread("t2"))
        await store.memory.save_messages([*messages(3, thread_id="t1"), *messages(2, thread_id="t2")])
        await store.memory.save_resource({"id": "user-1", "working_memory": "text", "metadata": {"a": 1}})
        await store.workflows.persist_workflow_snapshot(
            "flow", run_id="run", snapshot={"status": "running", "context": {}}
        )
        await store.scores.save_score(score(1))
        await store.thread_state.set_state("t1", type="goal", value={"a": 1})
        await store.documents.put_many("notes", records=[{"id": "a", "n": 1}, {"id": "b", "n": 2}])
        await store.vector.create_index("docs", dimension=2)
        await store.vector.upsert(
            "docs", vectors=[[1.0, 0.0], [0.0, 1.0]], ids=["v1", "v2"], metadata=[{"n": 1}, {"n": 2}]
        )


READS: dict[str, list[Call]] = {
    "mastra_threads": [
        lambda store: store.memory.get_thread_by_id("t1"),
        lambda store: store.memory.get_thread_by_id("t1", resource_id="user-1"),
        lambda store: store.memory.list_threads(),
        lambda store: store.memory.list_threads(metadata={"a": 1}),
        lambda store: store.memory.update_thread("t1", metadata={"b": 1}),
        lambda store: store.memory.clone_thread("t1"),
        lambda store: store.memory.update_thread_resource_id("t1", resource_id="user-2"),
    ],
    "mastra_messages": [
        lambda store: store.memory.list_messages("t1"),
        lambda store: store.memory.list_messages(["t1", "t2"], metadata={"a": 1}),
        lambda store: store.memory.list_messages("t1", include=[{"id": "t1-m00001", "with_previous_messages": 1}]),
        lambda store: store.memory.list_messages("t1", include=[{"id": "t1-m00000", "with_next_messages": 2}]),
        lambda store: store.memory.list_messages_by_id(["t1-m00001", "t1-m00002"]),
        lambda store: store.memory.list_messages_by_resource_id("user-1"),
        lambda store: store.memory.update_messages([{"id": "t1-m00001", "content": {"metadata": {"a": 1}}}]),
        lambda store: store.memory.save_messages(messages(3, thread_id="t1")),
        lambda store: store.memory.clone_thread("t1"),
    ],
    "mastra_resources": [
        lambda store: store.memory.get_resource_by_id("user-1"),
        lambda store: store.memory.update_resource("user-1", metadata={"b": 1}),
    ],
    "mastra_workflow_snapshots": [
        lambda store: store.workflows.load_workflow_snapshot("flow", run_id="run"),
        lambda store: store.workflows.list_workflow_runs(),
        lambda store: store.workflows.list_workflow_runs(status="running"),
        lambda store: store.workflows.list_workflow_runs(thread_id="t1"),
        lambda store: store.workflows.get_workflow_run_by_id("run"),
        lambda store: store.workflows.update_workflow_state("flow", run_id="run", status="success"),
        lambda store: store.workflows.update_workflow_results("flow", run_id="run", step_id="a", result={"output": 1}),
    ],
    "mastra_scorers": [
        lambda store: store.scores.get_score_by_id("s0001"),
        lambda store: store.scores.list_scores_by_run_id("run-1"),
        lambda store: store.scores.save_score(score(1)),
    ],
    "mastra_thread_state": [
        lambda store: store.thread_state.get_state("t1", type="goal"),
        lambda store: store.thread_state.set_state("t1", type="goal", value=1),
    ],
    "mastra_documents": [
        lambda store: store.documents.get("notes", id="a"),
        lambda store: store.documents.list("notes"),
        lambda store: store.documents.list("notes", filter={"n": 1}, order_by="id"),
    ],
    "mastra_vector_indexes": [
        lambda store: store.vector.describe_index("docs"),
        lambda store: store.vector.list_indexes(),
        lambda store: store.vector.create_index("docs", dimension=2),
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0]),
    ],
    "mastra_vectors": [
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0]),
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0], include_vector=True),
        lambda store: store.vector.query("docs", query_vector=[1.0, 0.0], filter={"n": 1}),
        lambda store: store.vector.query("docs", filter={"n": {"$gt": 0}}, include_vector=True),
        lambda store: store.vector.update_vector("docs", filter={"n": 1}, metadata={"m": 1}),
        lambda store: store.vector.update_vector("docs", id="v1", metadata={"m": 1}),
    ],
}
"""Calls that meet the row of each table."""

DELETES: dict[str, Call] = {
    "mastra_threads": lambda store: store.memory.delete_thread("t1"),
    "mastra_messages": lambda store: store.memory.delete_messages(["t1-m00000", "t1-m00001", "t2-m00000"]),
    "mastra_workflow_snapshots": lambda store: store.workflows.delete_workflow_run_by_id("run", workflow_name="flow"),
    "mastra_thread_state": lambda store: store.thread_state.delete_state("t1", type="goal"),
    "mastra_documents": lambda store: store.documents.delete("notes", id="a"),
    "mastra_vector_indexes": lambda store: store.vector.delete_index("docs"),
    "mastra_vectors": lambda store: store.vector.delete_vectors("docs", ids=["v1"]),
}
RANGES: dict[str, Call] = {
    "mastra_messages": lambda store: store.memory.delete_thread("t1"),
    "mastra_thread_state": lambda store: store.memory.delete_thread("t1"),
    "mastra_documents": lambda store: store.documents.clear("notes"),
    "mastra_vectors": lambda store: store.vector.truncate_index("docs"),
}


@asynccontextmanager
async def opened(path: Path, backend: str, domains: DomainClasses = None) -> AsyncIterator[ConvexStore]:
    """A store over a file, directly or over HTTP."""
    if backend == "sqlite":
        async with ConvexStore.local(path, domains=domains) as store:
            yield store
        return
    engine = LocalEngine(path, all_tables(), receipts=True)
    async with LocalServer(engine, admin_key=KEY) as server, remote_store(server.url, domains) as store:
        yield store
    await engine.aclose()


def declared(table: str) -> Table:
    return {each.name: each for each in all_tables()}[table]


def damage(path: Path, table: str, assignment: str) -> None:
    """Changes a row in SQL, behind the back of the package."""
    id = dict(zip(declared(table).key_fields, KEYS[table], strict=True))
    where = " AND ".join(f"json_extract(CAST(doc AS TEXT), '$.{name}') = '{value}'" for name, value in id.items())
    with closing(sqlite3.connect(path)) as connection, connection:
        found = connection.execute(f'SELECT _seq FROM "{table}" WHERE {where}').fetchall()
        assert len(found) == 1
        connection.execute(f'UPDATE "{table}" SET {assignment} WHERE _seq = ?', found[0])


def shown(table: str) -> str:
    key = KEYS[table]
    return key[0] if len(key) == 1 else "[" + ", ".join(f'"{part}"' for part in key) + "]"


async def error_of(store: ConvexStore, call: Call) -> MastraConvexError | None:
    """What a call raises, None for an answer; any other error than ours fails the test."""
    try:
        await call(store)
    except MastraConvexError as error:
        return error
    return None


def names_row(error: MastraConvexError, table: str) -> bool:
    return isinstance(error, DamagedRowError) and (error.details["table"], error.details["id"]) == (table, shown(table))


def copy(file: Path, name: str) -> Path:
    path = file.with_suffix(name)
    path.write_bytes(file.read_bytes())
    return path
