"""`mastra-convex traces` as a process of its own."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConvexStore
from tests.cli.commands import COMMAND, environment, run

NOW = datetime.now(UTC).replace(microsecond=0)


def trace(number: int, *, agent: str, error: str | None = None, age: timedelta = timedelta(hours=1)) -> list[Any]:
    """An agent that calls a model and a tool."""
    begun = NOW - age

    def span(place: int, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        return {
            "trace_id": f"{number:032x}",
            "span_id": f"{number:08x}{place:08x}",
            "parent_span_id": f"{number:08x}{0:08x}" if place else None,
            "name": name,
            "span_type": kind,
            "is_event": False,
            "started_at": begun + timedelta(milliseconds=100 * place),
            "ended_at": begun + timedelta(milliseconds=100 * place + (1_000 if place == 0 else 100)),
            **fields,
        }

    asked = [{"role": "user", "content": [{"type": "text", "text": f"Question {number}"}]}]
    answered = [{"role": "assistant", "content": [{"type": "text", "text": f"Answer {number}"}]}]
    used = {"model": "gpt", "usage": {"inputTokens": 10, "outputTokens": 5}, "costContext": {"estimatedCost": 0.25}}
    root: dict[str, Any] = {"entity_type": "agent", "entity_id": agent, "entity_name": agent, "input": asked}
    root |= {"thread_id": f"thread-{number}", "error": error and {"message": error}}
    return [
        span(0, "agent_run", f"invoke {agent}", **root),
        span(1, "model_generation", "chat gpt", input=asked, output=answered, attributes=used),
        span(2, "tool_call", "tool weather", entity_name="weather", input={"city": "Oslo"}, output="sunny"),
    ]


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as store:
        for spans in (
            trace(1, agent="forecaster"),
            trace(2, agent="cook", error="no \x1b[31mflour"),
            trace(3, agent="forecaster", age=timedelta(days=2)),
        ):
            await store.observability.batch_create_spans(spans)
    return path


def answer(*arguments: str | Path) -> Any:
    done = run("traces", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_list_shows_the_newest_traces_and_filters_them(file: Path) -> None:
    shown = run("traces", "list", "--file", file).stdout
    assert "forecaster" in shown
    assert "Question 1" in shown
    assert "↑10 ↓5" in shown
    assert "1.0 s" in shown

    def listed(*filters: str) -> list[str]:
        return [trace["threadId"] for trace in answer("list", "--file", file, *filters)["traces"]]

    assert listed("--agent", "forecaster") == ["thread-1", "thread-3"]
    assert listed("--status", "error") == ["thread-2"]
    assert listed("--since", "1d", "--limit", "1", "--thread", "thread-1") == ["thread-1"]


def test_show_draws_a_tree(file: Path) -> None:
    shown = run("traces", "show", f"{2:032x}", "--file", file, "--messages").stdout
    assert "agent_run invoke cook" in shown
    assert "├── model_generation chat gpt" in shown
    assert "└── tool_call tool weather" in shown
    assert "! no \ufffd[31mflour" in shown  # which could steer a terminal
    assert "user Question 2" in shown
    assert 'tool weather({"city":"Oslo"}) = sunny' in shown
    assert len(answer("show", f"{2:032x}", "--file", file)["spans"]) == 3

    missing = run("traces", "show", "nonsense", "--file", file)
    assert (missing.returncode, missing.stderr) == (1, "mastra-convex: there is no trace 'nonsense'\n")


def test_stats_sum_up_by_agent_model_and_day(file: Path) -> None:
    found = answer("stats", "--file", file)
    agents = {row["name"]: row for row in found["agents"]}
    assert {name: (row["count"], row["errors"], row["input_tokens"]) for name, row in agents.items()} == {
        "forecaster": (2, 0, 20),
        "cook": (1, 1, 10),
    }
    (model,) = found["models"]
    assert (model["name"], model["count"], model["cost"], model["p50"]) == ("gpt", 3, 0.75, 100)
    assert sum(day["count"] for day in found["days"]) == found["traces"] == 3
    assert "forecaster" in run("traces", "stats", "--file", file).stdout


def test_export_writes_a_line_for_each_span(file: Path) -> None:
    lines = run("traces", "export", "--file", file, "--agent", "forecaster").stdout.splitlines()
    spans = [json.loads(line) for line in lines]
    assert [span["spanType"] for span in spans] == ["agent_run", "model_generation", "tool_call"] * 2
    assert spans[1]["attributes"]["usage"] == {"inputTokens": 10, "outputTokens": 5}


@pytest.mark.long
async def test_tail_follows_traces(file: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "traces", "tail", "--file", str(file), "--interval", "0.1", "--json"),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    known = {json.loads(await process.stdout.readline())["threadId"] for _ in range(3)}
    assert known == {"thread-1", "thread-2", "thread-3"}
    running = trace(4, agent="cook", age=timedelta())
    running[0]["ended_at"] = None
    async with ConvexStore.local(file) as store:
        await store.observability.batch_create_spans(running)
        assert json.loads(await process.stdout.readline())["status"] == "running"
        running[0]["ended_at"] = NOW + timedelta(seconds=2)
        await store.observability.batch_create_spans(running)
        assert json.loads(await process.stdout.readline())["status"] == "success"
    process.terminate()
    await process.communicate()
