"""The raw side: the operations on plain `sqlite3`, which is the limit for the SQLite file of our side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from . import data
from .groups import Call, Group, Make
from .operations import BIG_THREAD
from .sqlite import FIRST, LAST, Row, Runs, Threads


def messages(thread_id: str, first: int, count: int) -> list[Row]:
    return [data.message(thread_id, n) for n in range(first, first + count)]


@asynccontextmanager
async def memory(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    threads = Threads(directory / "memory.db")
    for id in data.THREADS:
        threads.fill(id, 2_000 if id == "big" else 0)

    def eight_writers(n: int) -> Call:
        """One connection writes them one after another: SQLite has one writer at a time."""
        saves = [messages("many", 40 * n + k, 1) for k in range(40)]

        def write_all() -> None:
            for each in saves:
                threads.save(each)

        return write_all

    yield {
        "save_1": lambda n: partial(threads.save, messages("one", n, 1)),
        "save_100": lambda n: partial(threads.save, messages("hundred", 100 * n, 100)),
        "last_20": lambda _: partial(threads.list, LAST, "big", 20, total=False),
        "last_20_total": lambda _: partial(threads.list, LAST, "big", 20, total=True),
        "all_2000": lambda _: partial(threads.list, FIRST, "big", -1, total=True),
        "get_thread": lambda _: partial(threads.get, "big"),
        "update_thread": lambda n: partial(threads.update, "thread", {"title": "A talk", "metadata": {"n": n}}),
        "eight_writers": eight_writers,
    }
    threads.close()


@asynccontextmanager
async def pages(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    threads = Threads(directory / "pages.db")
    threads.fill("short", 2_000)
    threads.fill("long", BIG_THREAD)
    yield {
        "page_2000": lambda _: partial(threads.list, FIRST, "short", 20, total=False),
        "page_2000_total": lambda _: partial(threads.list, FIRST, "short", 20, total=True),
        "page_200000": lambda _: partial(threads.list, FIRST, "long", 20, total=False),
        "page_200000_total": lambda _: partial(threads.list, FIRST, "long", 20, total=True),
    }
    threads.close()


@asynccontextmanager
async def workflows(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    runs = Runs(directory / "workflows.db")
    yield {
        "workflow_update": lambda n: partial(runs.update, data.changed_members(n)),
        "workflow_load": lambda _: runs.load,
    }
    runs.close()


GROUPS: Mapping[str, Group] = {"memory": memory, "pages": pages, "workflows": workflows}
