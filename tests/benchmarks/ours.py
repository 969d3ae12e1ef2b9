"""Our side: the operations as calls of a `ConvexStore`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import orjson

from mastra_convex import ConvexStore
from mastra_convex_domains import MemoryStore, Message

from . import adapters, data, imports, remote, vectors
from .groups import Call, Group, Make
from .operations import BIG_THREAD, raw_name


def messages(thread_id: str, first: int, count: int) -> list[Message]:
    return [Message(**data.message(thread_id, n)) for n in range(first, first + count)]


async def fill(memory: MemoryStore, thread_id: str, count: int) -> None:
    """Saves a thread with so many messages."""
    await memory.save_thread({"id": thread_id, "resource_id": data.RESOURCE, "title": "A talk"})
    for first in range(0, count, 1_000):
        await memory.save_messages(messages(thread_id, first, min(1_000, count - first)))


@asynccontextmanager
async def memory(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    async with ConvexStore.local(directory / "memory.db") as store:
        memory = store.memory
        for id in data.THREADS:
            await fill(memory, id, 2_000 if id == "big" else 0)
        last = partial(memory.list_messages, "big", per_page=20, order_by="-created_at")

        def eight_writers(n: int) -> Call:
            saves = [[messages("many", 40 * n + 5 * writer + k, 1) for k in range(5)] for writer in range(8)]

            async def write(given: list[list[Message]]) -> None:
                for each in given:
                    await memory.save_messages(each)

            async def write_all() -> None:
                await asyncio.gather(*map(write, saves))

            return write_all

        yield {
            "save_1": lambda n: partial(memory.save_messages, messages("one", n, 1)),
            "save_100": lambda n: partial(memory.save_messages, messages("hundred", 100 * n, 100)),
            "last_20": lambda _: partial(last, include_total=False),
            "last_20_total": lambda _: last,
            "all_2000": lambda _: partial(memory.list_messages, "big", per_page=False),
            "get_thread": lambda _: partial(memory.get_thread_by_id, "big"),
            "update_thread": lambda n: partial(memory.update_thread, "thread", title="A talk", metadata={"n": n}),
            "eight_writers": eight_writers,
        }


@asynccontextmanager
async def pages(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    """Two threads in one file, so that their lengths alone differ."""
    async with ConvexStore.local(directory / "pages.db") as store:
        await fill(store.memory, "short", 2_000)
        await fill(store.memory, "long", BIG_THREAD)
        page = partial(store.memory.list_messages, page=0, per_page=20)
        yield {
            "page_2000": lambda _: partial(page, "short", include_total=False),
            "page_2000_total": lambda _: partial(page, "short"),
            "page_200000": lambda _: partial(page, "long", include_total=False),
            "page_200000_total": lambda _: partial(page, "long"),
        }


@asynccontextmanager
async def workflows(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    async with ConvexStore.local(directory / "workflows.db") as store:
        workflows = store.workflows
        await workflows.persist_workflow_snapshot(data.WORKFLOW, run_id=data.RUN, snapshot=data.snapshot())

        def update(n: int) -> Call:
            members = data.changed_members(n)
            return partial(
                workflows.update_workflow_state,
                data.WORKFLOW,
                run_id=data.RUN,
                status=members["status"],
                result=members["result"],
                suspended_paths=members["suspendedPaths"],
                waiting_paths=members["waitingPaths"],
                resume_labels=members["resumeLabels"],
                active_paths=members["activePaths"],
                expected_status="running",
            )

        yield {
            "workflow_update": update,
            "workflow_load": lambda _: partial(workflows.load_workflow_snapshot, data.WORKFLOW, run_id=data.RUN),
        }


@asynccontextmanager
async def documents(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    """`documents.put`; the raw alternative only prints the record as JSON and parses it."""
    async with ConvexStore.local(directory / "documents.db") as store:

        def printed(n: int) -> Call:
            record = data.record("large", 390_000, n)
            return lambda: orjson.loads(orjson.dumps(record))

        yield {
            "document_put": lambda n: partial(store.documents.put, "reports", record=data.record("large", 390_000, n)),
            raw_name("document_put"): printed,
        }


GROUPS: Mapping[str, Group] = {
    "memory": memory,
    "pages": pages,
    "workflows": workflows,
    "documents": documents,
    "http": remote.http,
    "imports": imports.imports,
    **vectors.GROUPS,
    **adapters.GROUPS,
}
