"""Sessions of the OpenAI Agents SDK, alone and in its runs."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any, cast

import pytest
from agents import Agent, RunConfig, Runner, Session, SessionSettings, function_tool
from agents.extensions.memory import EncryptedSession
from agents.memory import SessionABC
from agents.run_internal.session_persistence import rewind_session_items

from mastra_convex import ClosedError, ConvexStore, ValidationError
from mastra_convex.adapters.openai_agents import StoreSession
from mastra_convex_domains import MemoryStore, Message
from tests.adapters.openai_model import ScriptedModel, calls, says
from tests.adapters.pages import run_page
from tests.adapters.workers import BATCH, add_until_killed
from tests.backends import Backend
from tests.data import at
from tests.effort import effort, once, some, some_backends
from tests.reliability.faults.processes import child

QUIET = RunConfig(tracing_disabled=True)
CALL = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Oslo"}'}
ANSWER = {"type": "function_call_output", "call_id": "c1", "output": "snow"}


@pytest.fixture
def session(store: ConvexStore) -> StoreSession:
    return StoreSession("s1", store, resource_id="user-1")


def asks(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def shown(memory: MemoryStore) -> list[Message]:
    """What TypeScript and lists of messages show of the session."""
    found = (await memory.list_messages("s1", per_page=False)).messages
    return [message for message in found if message.role != "system"]


async def test_it_is_a_session_whose_items_come_back_as_they_were(session: StoreSession) -> None:
    assert isinstance(session, Session)
    assert await session.get_items() == []
    assert await session.pop_item() is None
    items = [asks("Hi"), {"float": 1.0, "large": 2**70, "$ref": ["😀", "\ud800", None]}, CALL, ANSWER]
    await session.add_items(items)
    await session.add_items([])
    found = await session.get_items()
    assert found == items
    assert [type(found[1][key]) for key in ("float", "large")] == [float, int]
    assert await session.pop_item() == ANSWER
    await session.clear_session()
    assert await session.get_items() == []


@pytest.mark.parametrize("limit", [None, 2, 5, 0, -1])
async def test_a_limit_gives_the_newest_in_order(session: StoreSession, limit: int | None) -> None:
    await session.add_items([asks(str(n)) for n in range(4)])
    expected = [asks(str(n)) for n in range(4)][-limit:] if limit and limit > 0 else []
    session.session_settings = SessionSettings(limit=3)
    assert await session.get_items(limit) == (expected if limit is not None else [asks("1"), asks("2"), asks("3")])


async def test_a_damaged_item_is_skipped_and_does_not_count(session: StoreSession, memory: MemoryStore) -> None:
    await session.add_items([asks(str(n)) for n in range(4)])
    newest = (await memory.latest_messages("s1", limit=1))[0]
    content = {**newest.content, "metadata": {"openaiAgents": {"v": 1, "item": '{"role":'}}}
    await memory.update_messages([{"id": newest.id, "content": content}])
    assert await session.get_items(2) == [asks("1"), asks("2")]
    assert await session.pop_item() == asks("2")
    assert await session.get_items() == [asks("0"), asks("1")]


async def test_items_follow_a_writer_whose_clock_is_ahead(backend: Backend) -> None:
    sessions = [StoreSession("s1", backend.store()) for _ in range(2)]
    ahead = Message(thread_id="s1", resource_id="s1", role="user", content="0", created_at=at(10**9))
    await backend.store().memory.save_messages([ahead])
    batches = [[asks(f"{n} {k}") for k in range(2)] for n in range(effort(10, 100))]
    for n, batch in enumerate(batches):
        await sessions[n % 2].add_items(batch)
    assert (await sessions[0].get_items())[1:] == [item for batch in batches for item in batch]


async def test_many_writers_of_a_new_session_keep_their_batches_whole(backend: Backend) -> None:
    sessions = [StoreSession("s1", backend.store()) for _ in range(4)]

    async def write(writer: int) -> None:
        for batch in range(2):
            await sessions[writer % 4].add_items([{"writer": writer, "batch": batch, "n": n} for n in range(BATCH)])

    await asyncio.gather(*(write(writer) for writer in range(20)))
    found = await sessions[0].get_items()
    assert len(found) == 20 * 2 * BATCH
    runs = [found[n : n + BATCH] for n in range(0, len(found), BATCH)]
    assert all(len({(item["writer"], item["batch"]) for item in run}) == 1 for run in runs)
    assert all([item["n"] for item in run] == list(range(BATCH)) for run in runs)
    assert [run[0]["batch"] for run in sorted(runs, key=lambda run: run[0]["writer"])] == [0, 1] * 20


async def test_first_writes_to_a_new_file_may_race(tmp_path: Path) -> None:
    async def write(n: int) -> None:
        async with StoreSession("s1", tmp_path / "agent.db") as session:
            await session.add_items([asks(str(n))])

    await asyncio.gather(*(write(n) for n in range(50)))
    async with StoreSession("s1", tmp_path / "agent.db") as session:
        assert {item["content"] for item in await session.get_items()} == {str(n) for n in range(50)}
    with pytest.raises(ClosedError):
        await session.get_items()


async def test_concurrent_pops_take_different_items(backend: Backend) -> None:
    sessions = [StoreSession("s1", backend.store()) for _ in range(4)]
    await sessions[0].add_items([asks(str(n)) for n in range(40)])
    popped = await asyncio.gather(*(sessions[n % 4].pop_item() for n in range(44)))
    assert sorted(int(item["content"]) for item in popped if item) == list(range(40))
    assert popped.count(None) == 4


async def test_a_batch_with_an_item_that_cannot_be_stored_leaves_nothing(session: StoreSession) -> None:
    await session.add_items([asks("Hi")])
    for bad in ({1, 2}, float("nan")):
        with pytest.raises(ValidationError, match="an item must be a JSON value"):
            await session.add_items([CALL, {"role": "user", "content": bad}])
    assert await session.get_items() == [asks("Hi")]


@some_backends("sqlite")
async def test_a_cancelled_call_has_ended_or_never_begins(session: StoreSession) -> None:
    expected: list[Any] = []
    for n in range(30):
        batch = [{"batch": n, "n": k} for k in range(3)]
        task = asyncio.ensure_future(session.add_items(batch))
        for _ in range(n % 10):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        found = await session.get_items()
        assert found in (expected, expected + batch)
        expected = found
    assert await session.get_items() == expected


@pytest.mark.parametrize("kills", some([3, effort(20, 100)], [3]))
def test_a_writer_that_is_killed_leaves_whole_batches(tmp_path: Path, kills: int) -> None:
    rng = random.Random(1)
    path = tmp_path / "agent.db"
    told: dict[str, list[int]] = {}
    for n in range(kills):
        writer = f"w{n}"
        with child(add_until_killed, path, writer) as process:
            told[writer] = [process.told() for _ in range(rng.randrange(1, 20))]
            time.sleep(rng.uniform(0, 0.003))  # a random point in a write
            process.kill()
            told[writer] += process.all_told()

    async def read() -> list[Any]:
        async with StoreSession("s1", path) as session:
            return await session.get_items()

    found = asyncio.run(read())
    assert list(dict.fromkeys(item["writer"] for item in found)) == list(told)
    for writer, batches in told.items():
        written = [(item["batch"], item["n"]) for item in found if item["writer"] == writer]
        count = len(written) // BATCH
        assert written == [(batch, n) for batch in range(count) for n in range(BATCH)]
        assert len(batches) <= count <= len(batches) + 1  # the last may have been written and not told


async def test_a_run_with_a_tool_is_shown_as_one_conversation(session: StoreSession, memory: MemoryStore) -> None:
    @function_tool
    def weather(city: str) -> str:
        return f"snow in {city}"

    model = ScriptedModel([calls("c1", "weather", '{"city":"Oslo"}')], [says("Take a coat.")], [says("Boots too.")])
    agent = Agent(name="Guide", model=model, tools=[weather])
    first = await Runner.run(agent, "What to wear in Oslo?", session=session, run_config=QUIET)
    second = await Runner.run(agent, "And on my feet?", session=session, run_config=QUIET)
    assert (first.final_output, second.final_output) == ("Take a coat.", "Boots too.")
    kinds = [item.get("type") or item["role"] for item in model.inputs[-1]]
    assert kinds == ["user", "function_call", "function_call_output", "message", "user"]
    assert len(await session.get_items()) == 6
    question, call, answer, *_ = await shown(memory)
    assert (question.text, answer.text) == ("What to wear in Oslo?", "Take a coat.")
    [part] = call.content["parts"]
    invocation = part["toolInvocation"]
    assert (invocation["args"], invocation["result"]) == ({"city": "Oslo"}, "snow in Oslo")


async def test_a_failed_turn_is_taken_back_before_it_is_tried_again(session: StoreSession, memory: MemoryStore) -> None:
    await session.add_items([asks("Hi"), CALL])
    turn: list[Any] = [ANSWER, asks("Go on")]
    await session.add_items(turn)
    await rewind_session_items(session, turn)
    assert await session.get_items() == [asks("Hi"), CALL]
    [_, call] = await shown(memory)
    assert call.content["parts"][0]["toolInvocation"]["state"] == "call"
    await session.add_items(turn)
    assert await session.get_items() == [asks("Hi"), CALL, *turn]


async def test_an_output_without_its_call_is_shown_complete(session: StoreSession, memory: MemoryStore) -> None:
    await session.add_items([ANSWER])
    assert await session.get_items() == [ANSWER]
    [message] = await shown(memory)
    invocation = message.content["parts"][0]["toolInvocation"]
    assert (message.role, invocation["state"], invocation["result"]) == ("assistant", "result", "snow")


async def test_an_encrypted_session_stores_nothing_that_can_be_read(store: ConvexStore, memory: MemoryStore) -> None:
    inner = StoreSession("s1", store)
    session = EncryptedSession("s1", cast(SessionABC, inner), "a key of this test", ttl=600)
    model = ScriptedModel([says("A secret answer.")], [says("Still secret.")])
    agent = Agent(name="Guide", model=model)
    for question in ("A secret?", "And now?"):
        await Runner.run(agent, question, session=session, run_config=QUIET)
    assert [item.get("content") for item in model.inputs[-1] if item.get("role") == "user"] == ["A secret?", "And now?"]
    assert await shown(memory) == []
    assert "secret" not in str([message.content for message in await memory.latest_messages("s1", limit=20)])
    popped: Any = await session.pop_item()
    assert popped["content"][0]["text"] == "Still secret."


async def test_messages_of_typescript_are_read_as_items(session: StoreSession, memory: MemoryStore) -> None:
    def row(n: int, role: Any, *parts: dict[str, Any]) -> Message:
        content = {"format": 2, "parts": list(parts)}
        return Message(thread_id="s1", resource_id="user-1", role=role, content=content, created_at=at(n))

    done = {"state": "result", "toolCallId": "c1", "toolName": "weather", "args": {"city": "Oslo"}, "result": "snow"}
    picture = {"type": "file", "mimeType": "image/png", "data": "https://example.com/a.png"}
    await memory.save_messages(
        [
            row(0, "user", {"type": "text", "text": "See"}, picture),
            row(1, "assistant", {"type": "tool-invocation", "toolInvocation": done}, {"type": "text", "text": "Cold."}),
            row(2, "assistant", {"type": "data-progress", "data": {"done": 1}}),
        ]
    )
    await session.add_items([asks("Thanks")])
    image = {"type": "input_image", "detail": "auto", "image_url": "https://example.com/a.png"}
    call = {**CALL, "arguments": '{"city": "Oslo"}'}
    said = {"role": "assistant", "content": "Cold."}
    question = asks([{"type": "input_text", "text": "See"}, image])
    assert await session.get_items() == [question, call, ANSWER, said, asks("Thanks")]
    assert await session.get_items(3) == [ANSWER, said, asks("Thanks")]
    assert await session.pop_item() == asks("Thanks")
    assert await session.pop_item() == said


@once
async def test_items_can_be_kept_from_browsers_or_from_being_shown(store: ConvexStore, memory: MemoryStore) -> None:
    session = StoreSession("s1", store, keep_item=False)
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "hidden"}
    await session.add_items([asks("Hi"), thought, {**CALL, "arguments": '{"city": "Oslo"}'}, ANSWER])
    assert "hidden" not in str([message.content for message in await memory.latest_messages("s1", limit=20)])
    assert await session.get_items() == [
        asks("Hi"),
        {**CALL, "arguments": '{"city": "Oslo"}'},
        ANSWER,
    ]
    await session.clear_session()
    hidden = StoreSession("s1", store, show_parts=False)
    await hidden.add_items([asks("Hi"), CALL, ANSWER])
    assert await hidden.get_items() == [asks("Hi"), CALL, ANSWER]
    assert await shown(memory) == []
    with pytest.raises(ValidationError, match="would store nothing"):
        StoreSession("s1", store, keep_item=False, show_parts=False)


async def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("openai-agents.md")
