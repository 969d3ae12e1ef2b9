"""Transcripts of agents' sessions (docs/contract.md, "Agent sessions")."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.rows.times import now
from mastra_convex_domains import AgentSessionsStore
from tests.backends import Backend
from tests.data import change_time
from tests.domains.agent_sessions.workers import BATCH, append_until_killed, number
from tests.effort import effort, some, some_backends
from tests.reliability.faults.processes import child

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture
def sessions(store: ConvexStore) -> AgentSessionsStore:
    return store.agent_sessions


def entries(*uuids: str, **members: Any) -> list[dict[str, Any]]:
    return [{"type": "user", "uuid": uuid, **members} for uuid in uuids]


async def uuids(sessions: AgentSessionsStore, **names: str) -> list[str]:
    return [entry["uuid"] for entry in await sessions.get_entries("app", **{"session_id": "s1", **names})]


async def move(backend: Backend, session_id: str, *, days: float) -> datetime:
    """Begins a session that was updated some days after now."""
    await backend.store().agent_sessions.append_entries("app", session_id=session_id, entries=entries("a"))
    time = now() + timedelta(days=days)
    await change_time(backend.engine(), "mastra_agent_sessions", f'["app","{session_id}"]', time)
    return time


@some_backends("sqlite", "convex-test")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_entries=st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=4))
async def test_entries_come_back_equal(sessions: AgentSessionsStore, given_entries: list[dict[str, Any]]) -> None:
    await sessions.dangerously_clear_all()
    assert await sessions.append_entries("app", session_id="s1", entries=given_entries) == len(given_entries)
    assert await sessions.get_entries("app", session_id="s1") == given_entries


async def test_what_other_columns_refuse_is_kept(sessions: AgentSessionsStore) -> None:
    odd = [{"n": 2**70, "text": "\ud800", "$key": {"ключ": 1.0}, "large": "x" * 2_000_000}]
    await sessions.append_entries("app", session_id="s1", entries=odd)
    [found] = await sessions.get_entries("app", session_id="s1")
    assert found == odd[0]
    assert type(found["$key"]["ключ"]) is float


async def test_repeats_are_left_out(backend: Backend, sessions: AgentSessionsStore) -> None:
    async def append(store: AgentSessionsStore, *ids: str) -> int:
        return await store.append_entries("app", session_id="s1", entries=entries(*ids), summarize=number)

    other = backend.store().agent_sessions
    assert await append(sessions, "a", "b", "a") == 2
    assert await append(other, "b", "c") == 1
    assert await append(sessions, "c", "b") == 0
    assert await append(sessions, "d") == 1
    assert await uuids(other) == ["a", "b", "c", "d"]
    assert [session.summary for session in (await other.list_sessions("app")).sessions] == [4]
    for stored in range(2):
        assert await sessions.append_entries("app", session_id="s2", entries=[{"type": "tag"}]) == 1
        assert len(await other.get_entries("app", session_id="s2")) == stored + 1


async def test_appends_of_a_process_keep_the_order_of_the_calls(sessions: AgentSessionsStore) -> None:
    parts = [entries(*[f"{n}-{i}" for i in range(200 if n == 0 else 2)]) for n in range(10)]
    calls = [sessions.append_entries("app", session_id="s1", entries=part) for part in parts]
    assert await asyncio.gather(*calls) == [len(part) for part in parts]
    assert await sessions.get_entries("app", session_id="s1") == [entry for part in parts for entry in part]


async def test_20_writers_lose_nothing_and_keep_their_entries_together(backend: Backend) -> None:
    stores = [backend.store().agent_sessions for _ in range(5)]

    async def write(writer: int) -> list[int]:
        names = [f"{writer}-{n}" for n in range(5)]
        append: dict[str, Any] = {"session_id": "s1", "entries": entries(*names, writer=writer), "summarize": number}
        return [await stores[writer % 5].append_entries("app", **append) for _ in range(2)]  # as after a lost answer

    assert await asyncio.gather(*[write(writer) for writer in range(20)]) == [[5, 0]] * 20
    found = await stores[0].get_entries("app", session_id="s1")
    written = [(writer, [entry["uuid"] for entry in part]) for writer, part in groupby(found, lambda e: e["writer"])]
    assert sorted(written) == [(writer, [f"{writer}-{n}" for n in range(5)]) for writer in range(20)]
    [session] = (await stores[0].list_sessions("app")).sessions
    assert session.summary == 100


@pytest.mark.long
@pytest.mark.parametrize("kills", some([3, effort(20, 100)], [3]))
def test_a_writer_that_is_killed_leaves_whole_batches(tmp_path: Path, kills: int) -> None:
    rng = random.Random(1)
    path = tmp_path / "agent.db"
    told: dict[str, int] = {}
    for n in range(kills):
        with child(append_until_killed, path, f"w{n}") as process:
            batches = [process.told() for _ in range(rng.randrange(1, 20))]
            time.sleep(rng.uniform(0, 0.003))  # a random point in a write
            process.kill()
            told[f"w{n}"] = len([*batches, *process.all_told()])

    async def read() -> tuple[list[str], Any]:
        async with ConvexStore.local(path) as store:
            [session] = (await store.agent_sessions.list_sessions("app")).sessions
            return await uuids(store.agent_sessions), session.summary

    found, summary = asyncio.run(read())
    expected: list[str] = []
    for writer, count in told.items():
        written = sum(uuid.startswith(f"{writer}-") for uuid in found) // BATCH
        assert count <= written <= count + 1  # the last may have been written and not told
        expected += [f"{writer}-{batch}-{n}" for batch in range(written) for n in range(BATCH)]
    assert (found, summary) == (expected, len(expected))


@some_backends("sqlite")
async def test_more_entries_than_a_commit_holds(sessions: AgentSessionsStore) -> None:
    many = entries(*[f"{n}" for n in range(2_500)])
    assert await sessions.append_entries("app", session_id="s1", entries=many, summarize=number) == 2_500
    assert await sessions.get_entries("app", session_id="s1") == many
    assert (await sessions.list_sessions("app")).sessions[0].summary == 2_500


async def test_transcripts_of_a_session_are_apart(sessions: AgentSessionsStore) -> None:
    await sessions.append_entries("app", session_id="s1", entries=entries("a"), subpath="subagents/2")
    assert (await sessions.list_sessions("app")).total == 0  # it has no main transcript yet
    await sessions.append_entries("app", session_id="s1", entries=entries("a", "b"))
    await sessions.append_entries("app", session_id="s1", entries=entries("a"), subpath="subagents/1")
    await sessions.append_entries("app", session_id="s2", entries=entries("a"), subpath="subagents/3")
    assert await uuids(sessions) == ["a", "b"]
    assert await uuids(sessions, subpath="subagents/1") == ["a"]
    assert await sessions.get_subpaths("app", session_id="s1") == ["subagents/1", "subagents/2"]
    await sessions.delete_subpath("app", session_id="s1", subpath="subagents/1")
    await sessions.delete_subpath("app", session_id="s1", subpath="unknown")
    assert await uuids(sessions, subpath="subagents/1") == []
    assert await sessions.get_subpaths("app", session_id="s1") == ["subagents/2"]
    assert await sessions.append_entries("app", session_id="s1", entries=entries("a"), subpath="subagents/1") == 1
    await sessions.delete_session("app", session_id="s1")
    assert [await uuids(sessions), await uuids(sessions, subpath="subagents/2")] == [[], []]
    assert await sessions.get_subpaths("app", session_id="s1") == []
    assert await sessions.get_subpaths("app", session_id="s2") == ["subagents/3"]


async def test_a_session_that_was_deleted_begins_anew(backend: Backend, sessions: AgentSessionsStore) -> None:
    append: dict[str, Any] = {"session_id": "s1", "entries": entries("a", "b"), "summarize": number}
    assert await sessions.append_entries("app", **append) == 2
    await backend.store().agent_sessions.delete_session("app", session_id="s1")
    assert await sessions.append_entries("app", **append) == 2
    assert await uuids(sessions) == ["a", "b"]
    assert (await sessions.list_sessions("app")).sessions[0].summary == 2


async def test_sessions_are_listed_with_the_last_updated_first(backend: Backend, sessions: AgentSessionsStore) -> None:
    await sessions.append_entries("other", session_id="s1", entries=[{}])
    await sessions.append_entries("app", session_id="s1", entries=[{}, {}], summarize=number)
    for n in (1, 2, 3):
        await move(backend, f"s{n}", days=-n)
    await sessions.append_entries("app", session_id="s2", entries=[{}], subpath="sub")
    page = await sessions.list_sessions("app", per_page=2)
    found = [(session.session_id, session.summary) for session in page.sessions]
    assert (found, page.total, page.has_more) == ([("s2", None), ("s1", 2)], 3, True)
    last = await sessions.list_sessions("app", per_page=2, page=1, include_total=False)
    assert ([session.session_id for session in last.sessions], last.has_more) == (["s3"], False)


async def test_the_time_of_a_session_only_grows(backend: Backend, sessions: AgentSessionsStore) -> None:
    ahead = await move(backend, "s1", days=1)
    for n in range(3):
        await backend.store().agent_sessions.append_entries("app", session_id="s1", entries=[{}])
        [session] = (await sessions.list_sessions("app")).sessions
        assert session.updated_at == ahead + timedelta(milliseconds=n + 1)


async def test_a_pruned_session_takes_its_transcripts_along(backend: Backend, sessions: AgentSessionsStore) -> None:
    for session_id in ("s1", "s2"):
        await move(backend, session_id, days=-31)
    await sessions.append_entries("app", session_id="s1", entries=entries("b"), subpath="sub")
    [result] = await backend.store().prune({"agentSessions": {"agentSessions": "30d"}})
    assert (result.table, result.deleted) == ("mastra_agent_sessions", 1)
    assert [await uuids(sessions), await uuids(sessions, session_id="s2")] == [["a"], []]


async def test_a_call_that_fails_stores_nothing(sessions: AgentSessionsStore) -> None:
    for wrong, problem in (
        ([{}, 1], r"entries\[1\] must be a mapping, not int"),
        ([{}, {"a": float("nan")}], r"entries\[1\] is no JSON value"),
        ([{"a": {1: 2}}], r"entries\[0\] would come back different; keys must be text"),
        ([{"a": {1}}], r"entries\[0\] is no JSON value"),
        ("{}", "entries must be a list"),
    ):
        with pytest.raises(ValidationError, match=problem):
            await sessions.append_entries("app", session_id="s1", entries=wrong)  # type: ignore[arg-type]

    def fail(before: Any, fresh: list[Mapping[str, Any]]) -> Any:
        raise LookupError("no summary")

    with pytest.raises(LookupError, match="no summary"):
        await sessions.append_entries("app", session_id="s1", entries=[{}], summarize=fail)
    with pytest.raises(ValidationError, match="the summary is no JSON value"):
        await sessions.append_entries("app", session_id="s1", entries=[{}], summarize=lambda before, fresh: {1, 2})
    with pytest.raises(ValidationError, match="session_id"):
        await sessions.append_entries("app", session_id="", entries=[{}])
    assert await sessions.append_entries("app", session_id="s1", entries=[]) == 0
    assert (await sessions.list_sessions("app")).sessions == []
    assert await sessions.get_entries("app", session_id="s1") == []
