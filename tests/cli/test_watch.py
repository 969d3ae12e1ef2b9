"""`mastra-convex watch` as a process of its own, beside one that writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mastra_convex import ConvexStore
from tests.cli.commands import COMMAND, environment, run


async def test_changes_are_printed_as_they_come(tmp_path: Path) -> None:
    file = tmp_path / "agent.db"
    async with ConvexStore.local(file) as store:
        message = {"thread_id": "t1", "resource_id": "r1", "role": "user"}
        await store.memory.save_messages([{**message, "id": "m1", "content": "Hello"}])
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "watch", "messages", "t1", "--file", file, "--states", "3",
            env=environment(), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode()]
        await store.memory.save_messages([{**message, "id": "m2", "content": "A\nsecond"}])
        lines.append((await process.stdout.readline()).decode())
        await store.memory.delete_messages(["m1"])
        lines.append((await process.stdout.readline()).decode())
        assert await process.wait() == 0
    assert [line[:2] for line in lines] == ["+ ", "+ ", "- "]
    assert "m1  user: Hello" in lines[0]
    assert "m2  user: A second" in lines[1]


async def test_threads_and_runs(tmp_path: Path) -> None:
    file = tmp_path / "agent.db"
    async with ConvexStore.local(file) as store:
        await store.memory.save_thread({"id": "t1", "resource_id": "r1", "title": "Trip"})
        await store.workflows.persist_workflow_snapshot("trip", run_id="1", snapshot={"status": "running"})
        await store.workflows.persist_workflow_snapshot("tour", run_id="2", snapshot={"status": "suspended"})
    assert "t1  r1  Trip" in run("watch", "threads", "--file", file, "--states", "1").stdout
    assert "trip  1  running" in run("watch", "runs", "1", "--file", file, "--states", "1").stdout
    every = run("watch", "runs", "--file", file, "--states", "1").stdout
    assert {tuple(line.split("  ")[1:]) for line in every.splitlines()} == {
        ("trip", "1", "running"),
        ("tour", "2", "suspended"),
    }
    suspended = run("watch", "runs", "--status", "suspended", "--file", file, "--states", "1").stdout
    assert "tour  2  suspended" in suspended
    assert "trip" not in suspended
    for command in (("watch", "runs"), ("show", "runs", "--watch")):
        assert run(*command, "1", "--status", "suspended", "--file", file).returncode == 2
