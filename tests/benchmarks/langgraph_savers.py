"""LangGraph's checkpointers: `StoreSaver` on our side, `AsyncSqliteSaver` of its own package on the other."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from .groups import Call, Group, Make

CHANNELS = [f"channel{n}" for n in range(10)]
STEPS = 500
TASK = "9c5b3ae2-73a1-5f6b-8a7c-0b1d4f2e6a90"


def config(thread: str, checkpoint_id: str | None = None) -> dict[str, Any]:
    names = {"thread_id": thread, "checkpoint_ns": ""} | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})
    return {"configurable": names}


def text(n: int) -> str:
    """Makes a value of 1 kB."""
    return f"{n:08}" + "lorem ipsum dolor sit amet, " * 36


class Steps:
    """Makes the checkpoints of a graph with 10 channels of 1 kB, one of which changes in each step."""

    def __init__(self, saver: Any, thread: str) -> None:
        self._saver = saver
        self._thread = thread
        self._values = {channel: text(0) for channel in CHANNELS}
        self._versions = {channel: saver.get_next_version(None, None) for channel in CHANNELS}
        self._before: str | None = None

    def put(self, n: int, *, changed: int = 1) -> Call:
        new = [CHANNELS[(n + k) % len(CHANNELS)] for k in range(changed)]
        for channel in new:
            self._values[channel] = text(n)
            self._versions[channel] = self._saver.get_next_version(self._versions[channel], None)
        checkpoint = {
            "v": 4,
            "id": f"1f0c0000-0000-6000-8000-{n:012x}",
            "ts": "2026-01-01T00:00:00+00:00",
            "channel_values": dict(self._values),
            "channel_versions": dict(self._versions),
            "versions_seen": {"node": dict(self._versions)},
            "updated_channels": new,
        }
        before, self._before = config(self._thread, self._before), f"1f0c0000-0000-6000-8000-{n:012x}"
        versions = {channel: self._versions[channel] for channel in (new if n else CHANNELS)}
        return partial(self._saver.aput, before, checkpoint, {"source": "loop", "step": n}, versions)


async def operations(saver: Any) -> Mapping[str, Make]:
    """Fills a thread with 500 checkpoints, each with 2 writes, and returns the operations on a saver."""
    steps = Steps(saver, "long")
    for n in range(STEPS):
        at = await steps.put(n)()
        await saver.aput_writes(at, [("channel1", text(n)), ("channel2", text(n))], TASK)
    one, all_new = Steps(saver, "one"), Steps(saver, "all")

    def writes(n: int) -> Call:
        place = config("writes", f"1f0c0000-0000-6000-8000-{n:012x}")
        return partial(saver.aput_writes, place, [("channel1", text(n)), ("channel2", text(n))], TASK)

    async def newest_20() -> None:
        assert len([each async for each in saver.alist(config("long"), limit=20)]) == 20

    return {
        "langgraph_put": one.put,
        "langgraph_put_all": partial(all_new.put, changed=len(CHANNELS)),
        "langgraph_writes": writes,
        "langgraph_latest": lambda _: partial(saver.aget_tuple, config("long")),
        "langgraph_list": lambda _: newest_20,
    }


@asynccontextmanager
async def ours(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    adapter = importlib.import_module("mastra_convex.adapters.langgraph")
    async with adapter.StoreSaver(directory / "checkpoints.db") as saver:
        yield await operations(saver)


@asynccontextmanager
async def theirs(directory: Path) -> AsyncIterator[Mapping[str, Make]]:
    sqlite = importlib.import_module("langgraph.checkpoint.sqlite.aio")
    async with sqlite.AsyncSqliteSaver.from_conn_string(str(directory / "checkpoints.db")) as saver:
        yield await operations(saver)


GROUPS: Mapping[str, Group] = {"langgraph": theirs}
