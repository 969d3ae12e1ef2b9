"""`mastra-convex show` as a process of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.remote.secret import Secret
from mastra_convex.server import serve_file
from tests.backends import KEY, all_tables
from tests.cli.commands import COMMAND, environment, run, start

CALL = {"toolCallId": "c1", "toolName": "weather", "args": {"city": "Oslo" + "!" * 90}, "state": "result"}
PARTS = [
    {"type": "step-start"},
    {"type": "reasoning", "reasoning": "They ask\nfor weather", "details": []},
    {"type": "tool-invocation", "toolInvocation": {**CALL, "result": "sunny"}},
    {"type": "data-plan", "data": [1]},
    {"type": "text", "text": "It is \x1b[31msunny\x1b]0;title\x07.\nAnd \u202ewarm."},
]


async def fill(store: ConvexStore) -> None:
    thread = {"id": "t1", "resource_id": "user-1", "title": "A \x1b[2Jtalk"}
    asked = {"id": "m1", "thread_id": "t1", "resource_id": "user-1", "role": "user", "content": "And Oslo?"}
    answered = {**asked, "id": "m2", "role": "assistant", "content": {"format": 2, "parts": PARTS}}
    await store.memory.save_messages([asked, answered], thread=thread)
    await store.memory.save_thread({"id": "t2", "resource_id": "user-2", "title": "Other"})
    context = {
        "input": {},
        "fetch": {"status": "success", "startedAt": 0, "endedAt": 12, "output": {"pages": 3}},
        "ask": {"status": "failed", "error": "no \x1b[31manswer"},
    }
    for status in ("failed", "waiting"):
        await store.workflows.persist_workflow_snapshot(
            "digest", run_id=f"{status}-1", resource_id="user-1", snapshot={"status": status, "context": context}
        )
    for n, scorer in enumerate(["tone", "facts", "tone"]):
        await store.scores.save_score(
            {"id": f"s{n}", "scorer_id": scorer, "scorer": {}, "score": n / 3, "source": "LIVE", "reason": "Fine\x07",
             "run_id": f"r{n}", "entity_id": "agent-1", "entity": {}, "output": "Hi", "thread_id": "t1"}
        )  # fmt: skip
    await store.documents.put_many("notes", records=[{"id": "a", "text": "tea"}, {"id": "b", "text": "mil\x1bk"}])
    await store.vector.create_index("recall", dimension=2)
    await store.vector.upsert("recall", vectors=[[1, 0], [0, 1]], ids=["v1", "v2"], metadata=[{"n": 1}, {"n": 2}])


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as store:
        await fill(store)
    return path


def shown(*arguments: str | Path) -> str:
    done = run("show", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert not set("\x1b\x07\u202e") & set(done.stdout)
    return done.stdout


def answer(*arguments: str | Path) -> Any:
    done = run("show", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


async def test_threads_that_were_changed_last_come_first(file: Path) -> None:
    assert [thread["id"] for thread in answer("threads", "--file", file)["threads"]] == ["t2", "t1"]
    async with ConvexStore.local(file) as store:
        await store.memory.update_thread("t1", title="anew")
    assert [thread["id"] for thread in answer("threads", "--file", file)["threads"]] == ["t1", "t2"]


def test_threads(file: Path) -> None:
    text = shown("threads", "--file", file)
    assert "A \ufffd[2Jtalk" in text
    assert "2 threads" in text
    assert "1 thread; there are more" in shown("threads", "--file", file, "--limit", "1")
    [thread] = answer("threads", "--file", file, "--resource", "user-1")["threads"]
    assert (thread["id"], thread["resourceId"]) == ("t1", "user-1")


def test_messages_with_folded_tool_calls(file: Path) -> None:
    text = shown("messages", "t1", "--file", file)
    assert text.index("And Oslo?") < text.index("[reasoning] They ask for weather") < text.index("[tool] weather(")
    assert "[data-plan]" in text
    assert "  It is \ufffd[31msunny" in text
    assert "step-start" not in text
    assert '[tool] weather({"city":"Oslo!!!!!!!!!!!!!!!!!…) = sunny\n' in text
    assert "!" * 90 in "".join(shown("messages", "t1", "--file", file, "--open").split())
    assert [each["id"] for each in answer("messages", "t1", "--file", file, "--limit", "1")["messages"]] == ["m2"]
    assert answer("messages", "t1", "--file", file, "--since", "2999-01-01") == {"messages": []}

    missing = run("show", "messages", "t9", "--file", file)
    assert (missing.returncode, missing.stderr) == (1, "mastra-convex: there is no thread 't9'\n")


def test_runs(file: Path) -> None:
    def listed(*filters: str) -> list[str]:
        return [each["runId"] for each in answer("runs", "--file", file, *filters)["runs"]]

    assert set(listed("--workflow", "digest", "--resource", "user-1")) == {"failed-1", "waiting-1"}
    assert listed("--status", "failed") == ["failed-1"]
    assert listed("--thread", "t9") == []
    assert "waiting-1" in shown("runs", "--file", file)
    text = shown("runs", "failed-1", "--file", file)
    assert "12 ms" in text
    assert '{"pages":3}' in text
    assert "no \ufffd[31manswer" in text
    assert run("show", "runs", "r9", "--file", file).stderr == "mastra-convex: there is no run 'r9'\n"
    assert "status must be one of" in run("show", "runs", "--file", file, "--status", "odd").stderr
    assert run("show", "runs", "--watch", "--thread", "t1", "--file", file).returncode == 2
    for watched in ([], ["--watch"]):
        refused = run("show", "runs", "failed-1", "--status", "failed", *watched, "--file", file)
        assert refused.returncode == 2
        assert "--status chooses among all" in refused.stderr


def test_scores(file: Path) -> None:
    def listed(*filters: str) -> list[str]:
        return [each["id"] for each in answer("scores", "--file", file, *filters)["scores"]]

    assert set(listed()) == {"s0", "s1", "s2"}
    assert set(listed("--scorer", "tone", "--thread", "t1")) == {"s0", "s2"}
    assert listed("--run", "r1", "--entity", "agent-1", "--source", "LIVE") == ["s1"]
    assert listed("--scorer", "tone", "--run", "r1") == []
    text = shown("scores", "--file", file, "--limit", "2")
    assert "2 scores; there are more" in text
    assert "Fine\ufffd" in text


def test_documents_and_vectors(file: Path) -> None:
    assert answer("documents", "--file", file) == {"tables": ["notes"]}
    assert answer("documents", "notes", "--filter", '{"text": "tea"}', "--file", file)["documents"][0]["id"] == "a"
    assert '{"text":"milk"}' not in shown("documents", "notes", "--file", file)
    [index] = answer("vectors", "--file", file)["indexes"]
    assert index == {"name": "recall", "dimension": 2, "count": 2, "metric": "cosine", "served": "scan"}
    assert "1 index" in shown("vectors", "--file", file)
    assert [each["id"] for each in answer("vectors", "recall", "--file", file)["vectors"]] == ["v1", "v2"]
    assert '{"n":2}' in shown("vectors", "recall", "--filter", '{"n": {"$gt": 1}}', "--file", file)
    assert "takes a JSON object" in run("show", "vectors", "recall", "--filter", "[]", "--file", file).stderr


async def test_a_deployment() -> None:
    async with serve_file(":memory:", all_tables(), Secret(KEY), host="127.0.0.1", port=0) as server:
        variables = {"CONVEX_URL": server.url, "CONVEX_ADMIN_KEY": KEY}
        async with ConvexStore(id="x", deployment_url=server.url, admin_auth_token=KEY) as store:
            await fill(store)
        code, text = await start("show", "messages", "t1", "--json", **variables)
    assert code == 0
    assert [each["id"] for each in json.loads(text)["messages"]] == ["m1", "m2"]


@asynccontextmanager
async def lines_of(*arguments: str | Path) -> AsyncGenerator[Callable[[], Awaitable[str]]]:
    """Runs a command that does not end; yields what gives its next line."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "show", *map(str, arguments), "--watch", env=environment(), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    output = process.stdout

    async def line() -> str:
        return (await output.readline()).decode()

    try:
        yield line
    finally:
        process.terminate()
        await process.communicate()


async def test_watch_goes_on_as_json_lines(file: Path) -> None:
    async with (
        ConvexStore.local(file) as store,
        lines_of("messages", "t1", "--limit", "3", "--json", "--file", file) as following,
    ):

        async def change() -> tuple[str, str]:
            read = json.loads(await following())
            return read["change"], read["item"]["id"]

        assert [await change(), await change()] == [("added", "m1"), ("added", "m2")]
        await store.memory.save_messages(
            [{"id": "m3", "thread_id": "t1", "resource_id": "user-1", "role": "user", "content": "Thanks"}]
        )
        assert await change() == ("added", "m3")


async def test_scores_and_documents_are_watched(file: Path) -> None:
    async with (
        ConvexStore.local(file) as store,
        lines_of("scores", "--scorer", "facts", "--thread", "t1", "--file", file) as scores,
        lines_of("documents", "notes", "--filter", '{"text": "tea"}', "--json", "--file", file) as documents,
    ):
        assert (await scores()).endswith("  facts  agent-1  0.3333  Fine\ufffd\n")
        assert json.loads(await documents()) == {"change": "added", "item": {"id": "a", "text": "tea"}}
        await store.documents.put("notes", record={"id": "a", "text": "coffee"})
        assert json.loads(await documents())["change"] == "removed"
        score = await store.scores.get_score_by_id("s1")
        assert score is not None
        await store.scores.save_score(score.model_copy(update={"score": 1.0}))
        assert (await scores()).startswith("~ ")
    assert run("show", "documents", "--watch", "--file", file).returncode == 2


def test_watched_lines_cannot_steer_a_terminal(file: Path) -> None:
    done = run("watch", "threads", "--states", "1", "--file", file)
    assert "A \ufffd[2Jtalk" in done.stdout
    assert "\x1b" not in done.stdout
