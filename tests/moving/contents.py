"""Rows of every kind that a database may have, and what two databases have in common."""

from __future__ import annotations

from mastra_convex import ConvexStore
from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import Put
from mastra_convex.moving.stored_rows import StoredRows, content, stored_tables
from mastra_convex.registry import registered_domains
from mastra_convex.tables import CHUNKS, LARGE_VALUES, Table
from tests.backends import Backend
from tests.data import at, messages, thread

LONG_TEXT = "Zürich " * 400_000
"""A text of more than 1 MiB, which is kept in chunks."""


async def fill(backend: Backend) -> ConvexStore:
    """Returns a store with data of two resources in every domain that agents write to."""
    store = backend.store()
    for n, user in enumerate(("user-1", "user-2")):
        await store.memory.save_thread(thread(f"t-{user}", n=n, resource_id=user))
        await store.memory.save_messages(messages(30, thread_id=f"t-{user}", resource_id=user))
        await store.memory.update_resource(user, working_memory=f"# {user}", metadata={"plan": "free", "n": 1})
        await store.thread_state.set_state(thread_id=f"t-{user}", type="task", value={"open": [user]})
        await store.background_tasks.create_task(
            {
                "id": f"task-{user}",
                "tool_call_id": "c",
                "tool_name": "search",
                "agent_id": "a",
                "run_id": "r",
                "resource_id": user,
                "args": {},
            }
        )
        await store.workflows.persist_workflow_snapshot(
            "w", run_id=f"r-{user}", resource_id=user, snapshot={"status": "running", "value": {"n": 1.5}}
        )
    await store.memory.save_messages(
        [{"id": "long", "thread_id": "t-user-1", "resource_id": "user-1", "role": "user", "content": LONG_TEXT}]
    )
    await store.vector.create_index("v", dimension=3)
    await store.vector.upsert(
        "v",
        vectors=[[1.0, 0.5, -2.0], [0.0, 1.0, 0.25]],
        metadata=[{"resource_id": "user-1", "text": "a"}, {"resource_id": "user-2", "text": "b"}],
        ids=["v1", "v2"],
    )
    await store.documents.put("notes", record={"id": "n1", "text": "hello", "at": at(0).isoformat()})
    return store


async def put_thread(backend: Backend, **columns: object) -> None:
    """Writes a thread as a program of another version has it, with columns that this one does not know."""
    row = {
        "id": "foreign",
        "resourceId": "user-3",
        "title": "",
        "metadata": {},
        "createdAt": at(0).isoformat(),
        "updatedAt": at(0).isoformat(),
        **columns,
    }
    await Records(backend.engine(), {}).commit([Put(table="mastra_threads", rows=[row], extra=True)])


def tables() -> dict[str, Table]:
    return stored_tables(table for domain in registered_domains().values() for table in domain.tables)


async def rows_of(store: ConvexStore) -> dict[str, list[bytes]]:
    """Returns the rows of all tables in the order they were made in, but for those that tell of large values."""
    stored = StoredRows(store._engine, tables())  # pyright: ignore[reportPrivateUsage]
    found: dict[str, list[bytes]] = {}
    for table in tables().values():
        if table == LARGE_VALUES:
            continue
        rows = [content(row) async for page in stored.pages(table) for row in page]
        found[table.name] = sorted(rows) if table == CHUNKS else rows
    return found
