"""The session store of the Claude Agent SDK: its conformance suite, and what that leaves open."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ResultMessage,
    SessionStore,
    fold_session_summary,
    get_session_messages_from_store,
    project_key_for_directory,
    query,
)
from claude_agent_sdk.testing import run_session_store_conformance

from mastra_convex import ConvexStore
from mastra_convex.adapters.claude_agent import StoreSessions
from tests.adapters import claude_cli
from tests.adapters.pages import run_example, run_page
from tests.backends import Backend

CONTRACTS = 14
KEY: Any = {"project_key": "app", "session_id": "s1"}


def user(uuid: str, text: str = "Hi") -> Any:
    times = {"timestamp": "2026-01-01T00:00:00.000Z"}
    return {"type": "user", "uuid": uuid, "message": {"role": "user", "content": text}, **times}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that plays the CLI; it and the SDK see nothing of this user."""
    monkeypatch.setenv("CLAUDE_AGENT_SDK_SKIP_VERSION_CHECK", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "claude"
    monkeypatch.setenv("PROJECT_KEY", project_key_for_directory())
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {claude_cli.__file__} "$@"\n')
    program.chmod(0o700)
    return program


async def test_the_conformance_suite_passes(store: ConvexStore) -> None:
    made = 0

    async def make_store() -> StoreSessions:
        nonlocal made
        made += 1
        await store.agent_sessions.dangerously_clear_all()
        return StoreSessions(store)

    await run_session_store_conformance(make_store)
    assert made == 1 + CONTRACTS


async def test_a_session_is_resumed_in_another_process_with_another_directory(
    backend: Backend, cli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(store: ConvexStore, prompt: str, **options: Any) -> ResultMessage:
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / prompt))
        asked = query(prompt=prompt, options=ClaudeAgentOptions(cli_path=cli, session_store=sessions(store), **options))
        [result] = [message async for message in asked if isinstance(message, ResultMessage)]
        return result

    def sessions(store: ConvexStore) -> SessionStore:
        return StoreSessions(store)

    first = await ask(backend.store(), "first")
    assert first.result == "I remember 0 entries."
    second = await ask(backend.store(), "second", resume=first.session_id)
    assert (second.result, second.session_id) == ("I remember 2 entries.", first.session_id)
    messages = await get_session_messages_from_store(sessions(backend.store()), first.session_id)
    assert [message.type for message in messages] == ["user", "assistant"] * 2
    key: Any = {"project_key": project_key_for_directory(), "session_id": first.session_id}
    assert await sessions(backend.store()).list_subkeys(key) == ["subagents/agent-1"]


async def test_batches_of_20_writers_are_whole_and_in_the_summary_once(backend: Backend) -> None:
    stores = [StoreSessions(backend.store()) for _ in range(5)]
    batches = [[user(f"{n}-{i}", f"Prompt {n}") for i in range(5)] for n in range(20)]
    writes = [stores[n % 5].append(KEY, batch) for n, batch in enumerate(batches) for _ in range(2)]
    await asyncio.gather(*writes)
    found = await stores[0].load(KEY)
    assert found is not None
    kept = [found[n : n + 5] for n in range(0, 100, 5)]
    assert all(batch in batches for batch in kept)
    assert all(batch in kept for batch in batches)
    [summary] = await stores[0].list_session_summaries("app")
    assert summary["data"] == fold_session_summary(None, KEY, found)["data"]


async def test_a_batch_of_the_sdk_that_is_sent_again(store: ConvexStore) -> None:
    sessions = StoreSessions(store)
    batch = [user(f"{n}", "x" * 2_000) for n in range(500)]
    tag: Any = {"type": "tag", "tag": "one"}  # without a uuid
    await sessions.append(KEY, [*batch, tag])
    await sessions.append(KEY, batch)
    assert await sessions.load(KEY) == [*batch, tag]


async def test_the_example_runs() -> None:
    await run_example(StoreSessions)


async def test_the_python_of_the_page_runs(cli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(cli.parent / ".claude"))
    monkeypatch.setenv("PATH", f"{cli.parent}{os.pathsep}{os.environ['PATH']}")
    await run_page("claude-agent.md")


async def test_a_path_opens_a_file_of_the_adapter(tmp_path: Path) -> None:
    for expected in (None, [user("1")]):
        async with StoreSessions(tmp_path / "agent.db") as sessions:
            assert await sessions.load(KEY) == expected
            await sessions.append(KEY, [user("1")])
