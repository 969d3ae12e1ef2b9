"""The session and memory services of ADK hold its contract, on every backend (docs/adapters/google-adk.md)."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
from google.adk.agents import LlmAgent
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event, EventActions
from google.adk.memory.memory_entry import MemoryEntry
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex import ConvexStore, ValidationError
from mastra_convex.adapters.google_adk import StoreMemoryService, StoreSessionService
from mastra_convex.domain import HashingEmbedder
from mastra_convex_domains import Message
from tests.adapters.calls import Calls
from tests.adapters.pages import run_page
from tests.backends import Backend, ConvexHost, remote_store

APP, USER = "weather", "user-1"


@pytest.fixture
def service(store: ConvexStore) -> StoreSessionService:
    return StoreSessionService(store)


def said(text: str, *, author: str = "user", state: dict[str, Any] | None = None, **options: Any) -> Event:
    content = types.Content(role="user" if author == "user" else "model", parts=[types.Part(text=text)])
    return Event(author=author, content=content, actions=EventActions(state_delta=state or {}), **options)


def texts(session: Session | None) -> list[str]:
    assert session is not None
    return [part.text or "" for event in session.events if event.content for part in event.content.parts or []]


async def made(service: StoreSessionService, session_id: str = "s1", **options: Any) -> Session:
    return await service.create_session(app_name=APP, user_id=USER, session_id=session_id, **options)


async def found(service: StoreSessionService, session_id: str = "s1", **config: Any) -> Session | None:
    wanted = GetSessionConfig(**config) if config else None
    return await service.get_session(app_name=APP, user_id=USER, session_id=session_id, config=wanted)


async def test_a_session_is_one_of_a_user_in_an_app(service: StoreSessionService) -> None:
    first = await made(service, " s1 ", state={"city": "Rome"})
    assert (first.id, first.app_name, first.user_id, first.state) == ("s1", APP, USER, {"city": "Rome"})
    with pytest.raises(AlreadyExistsError):
        await made(service, "s1")
    for app, user in [("weather/user-1", "s1"), ("weather", "user-2"), ("weather%2Fuser-1", "")]:
        await service.create_session(app_name=app, user_id=user, session_id="s1")
    assert (await found(service)) == first
    assert await found(service, "s2") is None
    new = await service.create_session(app_name=APP, user_id=USER, session_id="  ")
    assert new.id.strip()
    await service.delete_session(app_name=APP, user_id=USER, session_id="s1")
    await service.delete_session(app_name=APP, user_id=USER, session_id="s1")
    assert await found(service) is None
    assert await service.get_session(app_name="weather", user_id="user-2", session_id="s1") is not None


async def test_state_has_the_scope_of_its_prefix(service: StoreSessionService) -> None:
    session = await made(service, state={"app:a": 1, "user:u": 2, "s": 3, "temp:t": 4})
    assert session.state == {"app:a": 1, "user:u": 2, "s": 3}
    delta = {"app:a": 1.0, "user:new": None, "s": {"x": [2**70]}, "": "", "$s": 1, "temp:t": 5}
    event = await service.append_event(session, said("a", state=delta))
    stored = {key: value for key, value in delta.items() if key != "temp:t"}
    assert event.actions.state_delta == stored
    assert session.state == {"user:u": 2, **delta}
    read = await found(service)
    assert read is not None
    assert repr(read.state["app:a"]) == "1.0"  # neither a whole number, nor one that JavaScript would round
    assert read.state == {"user:u": 2, **stored}
    assert read.events[0].actions.state_delta == stored
    assert (await made(service, "s2")).state == {"app:a": 1.0, "user:u": 2, "user:new": None}
    other = await service.create_session(app_name=APP, user_id="user-2", state={"user:u": 7})
    assert other.state == {"app:a": 1.0, "user:u": 7}
    assert await service.get_user_state(app_name=APP, user_id=USER) == {"u": 2, "new": None}
    assert await service.get_user_state(app_name=APP, user_id="nobody") == {}


async def test_sessions_are_listed_with_their_state_the_last_changed_last(service: StoreSessionService) -> None:
    a, b = await made(service, "a", state={"n": 1}), await made(service, "b")
    await service.create_session(app_name=APP, user_id="user-10", session_id="c", state={"user:u": 2, "app:x": 3})
    await service.create_session(app_name="weather2", user_id=USER)
    await service.append_event(b, said("b", timestamp=2e9))
    await service.append_event(a, said("a", timestamp=3e9))
    mine = (await service.list_sessions(app_name=APP, user_id=USER)).sessions
    assert [session.id for session in mine] == ["b", "a"]
    assert mine[1].state == {"n": 1, "app:x": 3}
    assert (mine[1].events, mine[1].last_update_time) == ([], 3e9)
    every = (await service.list_sessions(app_name=APP)).sessions
    assert [session.id for session in every] == ["c", "b", "a"]
    assert every[0].state == {"user:u": 2, "app:x": 3}
    assert (await service.list_sessions(app_name="none")).sessions == []


async def test_events_are_read_from_the_newest_or_from_a_time(service: StoreSessionService) -> None:
    session = await made(service)
    for n in range(5):
        await service.append_event(session, said(str(n), timestamp=100.25 + n))
    assert await found(service) == session
    assert texts(session) == ["0", "1", "2", "3", "4"]
    assert texts(await found(service, num_recent_events=2)) == ["3", "4"]
    assert texts(await found(service, num_recent_events=0)) == []
    assert texts(await found(service, after_timestamp=102.25)) == ["2", "3", "4"]
    assert texts(await found(service, after_timestamp=102.2500001)) == ["3", "4"]
    assert texts(await found(service, after_timestamp=101, num_recent_events=2)) == ["3", "4"]
    assert texts(await found(service, after_timestamp=9e9)) == []


async def test_a_partial_event_is_not_stored_and_an_event_only_once(service: StoreSessionService) -> None:
    session = await made(service)
    await service.append_event(session, said("part", partial=True, state={"x": 1}))
    assert (session.events, session.state) == ([], {})
    behind = session.model_copy(deep=True)
    event = said("a")
    await service.append_event(session, event)
    await service.append_event(behind, event)  # as one does who has not got the answer
    await service.append_event(behind, said("b"))
    assert texts(behind) == texts(await found(service)) == ["a", "b"]
    with pytest.raises(StaleSessionError):
        await service.append_event(session, said("c"))


async def test_a_writer_of_an_old_state_is_told_and_nothing_is_stored(service: StoreSessionService) -> None:
    await made(service)
    first, second = await found(service), await found(service)
    assert first is not None
    assert second is not None
    await service.append_event(first, said("first", timestamp=50.0))
    with pytest.raises(StaleSessionError, match="Get it again"):
        await service.append_event(second, said("second", timestamp=50.0, state={"user:x": 1, "y": 2, "temp:z": 3}))
    assert (second.events, second.state) == ([], {})
    assert await found(service) == first
    by_hand = Session(id="s1", app_name=APP, user_id=USER, events=list(first.events))
    await service.append_event(by_hand, said("by hand"))
    with pytest.raises(StaleSessionError):
        await service.append_event(Session(id="s1", app_name=APP, user_id=USER), said("empty"))
    await service.delete_session(app_name=APP, user_id=USER, session_id="s1")
    for gone in (by_hand, Session(id="s1", app_name=APP, user_id=USER)):
        with pytest.raises(SessionNotFoundError):
            await service.append_event(gone, said("gone"))
    await made(service)
    with pytest.raises(StaleSessionError):
        await service.append_event(by_hand, said("another session"))


async def test_200_events_of_one_moment_are_no_stale_ones(service: StoreSessionService) -> None:
    session = await made(service)
    for n in range(200):
        await service.append_event(session, said(str(n), timestamp=1_700_000_000.123456))
    assert texts(await found(service)) == [str(n) for n in range(200)]


async def test_of_20_writers_each_stale_one_is_told(backend: Backend, service: StoreSessionService) -> None:
    await made(service)
    services = [StoreSessionService(backend.store()) for _ in range(4)]
    told = 0

    async def write(n: int) -> None:
        nonlocal told
        mine = services[n % len(services)]
        while True:
            session = await found(mine, num_recent_events=0)
            assert session is not None
            try:
                await mine.append_event(session, said(str(n), state={"last": n, f"user:{n}": n}))
            except StaleSessionError:
                told += 1
            else:
                return

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(write, n)
    session = await found(service)
    assert session is not None
    assert sorted(map(int, texts(session))) == list(range(20))
    assert session.state["last"] == int(texts(session)[-1])
    assert await service.get_user_state(app_name=APP, user_id=USER) == {str(n): n for n in range(20)}
    assert told > 0


async def test_branches_of_one_run_share_a_session(service: StoreSessionService) -> None:
    session = await made(service)
    await asyncio.gather(*(service.append_event(session, said(str(n))) for n in range(20)))
    assert texts(session) == texts(await found(service)) == [str(n) for n in range(20)]


async def test_a_cancelled_append_is_stored_or_not_and_the_session_says_which(service: StoreSessionService) -> None:
    session = await made(service)
    for turns in range(6):
        task = asyncio.ensure_future(service.append_event(session, said(str(turns))))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert texts(await found(service)) == texts(session)
    await service.append_event(session, said("last"))
    assert texts(await found(service))[-1] == "last"


async def test_what_is_no_event_of_json_is_refused(service: StoreSessionService) -> None:
    session = await made(service)
    response = types.FunctionResponse(name="f", response={"x": object()})
    event = Event(author="agent", content=types.Content(parts=[types.Part(function_response=response)]))
    with pytest.raises(ValidationError, match="event must be JSON"):
        await service.append_event(session, event)
    with pytest.raises(ValidationError, match="timestamp must be seconds"):
        await service.append_event(session, said("x", timestamp=1e15))
    assert texts(await found(service)) == texts(session) == []


EVENTS = [
    Event(
        author="user",
        content=types.Content(
            role="user",
            parts=[
                types.Part(text="What is this?"),
                types.Part(inline_data=types.Blob(data=b"\xff\xef\xbe", mime_type="image/png")),
                types.Part(file_data=types.FileData(file_uri="gs://bucket/a.pdf", mime_type="application/pdf")),
            ],
        ),
    ),
    Event(
        author="agent",
        long_running_tool_ids={"c1"},
        content=types.Content(
            role="model",
            parts=[
                types.Part(text="hm", thought=True, thought_signature=b"\xff\xef"),
                types.Part(text="Let me look."),
                types.Part(
                    function_call=types.FunctionCall(id="c1", name="weather", args={"city": "Rome", "day": None})
                ),
                types.Part(function_call=types.FunctionCall(id="c2", name="weather", args={"city": "Oslo"})),
            ],
        ),
    ),
    Event(
        author="agent",
        content=types.Content(
            role="user",
            parts=[
                types.Part(function_response=types.FunctionResponse(id="c1", name="weather", response={"temp": 1.0})),
                types.Part(function_response=types.FunctionResponse(id="c2", name="weather", response={"error": "no"})),
            ],
        ),
    ),
    Event(
        author="agent",
        content=types.Content(
            role="model",
            parts=[
                types.Part(executable_code=types.ExecutableCode(code="print(1)", language=types.Language.PYTHON)),
                types.Part(
                    code_execution_result=types.CodeExecutionResult(outcome=types.Outcome.OUTCOME_OK, output="1")
                ),
                types.Part(text="20 degrees."),
            ],
        ),
    ),
    Event(author="agent", actions=EventActions(state_delta={"user:x": 1}), custom_metadata={"a": [1.0, 2**70]}),
    Event(author="agent", error_code="SAFETY", error_message="blocked"),
    Event(author="user", input_transcription=types.Transcription(text="spoken", finished=True)),
]


async def test_events_come_back_exactly_and_mastra_shows_them(service: StoreSessionService) -> None:
    session = await made(service)
    for event in EVENTS:
        await service.append_event(session, event.model_copy(deep=True))
    read = await found(service)
    assert read is not None
    expected = [event.model_dump(mode="json") for event in EVENTS]
    assert [event.model_dump(mode="json") for event in read.events] == expected

    messages = (await service.store.memory.list_messages("weather/user-1/s1", per_page=False)).messages
    assert [message.role for message in messages] == [
        "user",
        "assistant",
        "system",
        "assistant",
        "system",
        "assistant",
        "user",
    ]
    parts = [message.content["parts"] for message in messages]
    assert parts[0] == [
        {"type": "text", "text": "What is this?"},
        {"type": "file", "mimeType": "image/png", "data": "data:image/png;base64,/+++"},
        {"type": "data-adk", "data": {"file": "gs://bucket/a.pdf", "mimeType": "application/pdf"}},
    ]
    assert parts[1][:2] == [
        {
            "type": "reasoning",
            "reasoning": "hm",
            "details": [{"type": "text", "text": "hm", "signature": "_-8="}],
        },
        {"type": "text", "text": "Let me look."},
    ]
    invocations = [part["toolInvocation"] for part in parts[1][2:]]
    assert [(call["state"], call.get("result"), call.get("errorText")) for call in invocations] == [
        ("result", {"temp": 1}, None),
        ("output-error", None, "no"),
    ]
    assert parts[3][0]["providerExecuted"] is True
    assert parts[3][0]["toolInvocation"]["result"] == {"outcome": "OUTCOME_OK", "output": "1"}
    assert parts[3][-1] == {"type": "text", "text": "20 degrees."}
    assert parts[5] == [{"type": "error", "error": {"name": "SAFETY", "message": "blocked"}}]
    assert messages[6].text == "spoken"


async def test_parts_can_be_left_out(store: ConvexStore) -> None:
    service = StoreSessionService(store, shows_parts=False)
    await service.append_event(await made(service), said("hidden"))
    [message] = (await store.memory.list_messages("weather/user-1/s1")).messages
    assert (message.role, message.text) == ("system", "")
    assert texts(await found(service)) == ["hidden"]


async def test_messages_of_others_are_events_too(store: ConvexStore, service: StoreSessionService) -> None:
    session = await made(service)
    await service.append_event(session, said("from ADK"))
    call = {"toolCallId": "c1", "toolName": "weather", "args": {"city": "Rome"}, "state": "result", "result": 21}
    parts = [
        {"type": "text", "text": "Let me look."},
        {"type": "tool-invocation", "toolInvocation": call},
        {"type": "file", "mimeType": "image/png", "data": "data:image/png;base64,aGk="},
        {"type": "text", "text": "21 degrees."},
    ]
    content = {"format": 2, "parts": parts}
    message = Message(
        id="ts", role="assistant", content=content, thread_id="weather/user-1/s1", resource_id="weather/user-1"
    )
    await store.memory.save_messages([message])
    read = await found(service)
    assert read is not None
    shown = [part.model_dump(exclude_none=True) for event in read.events[1:] for part in event.content.parts]  # type: ignore[union-attr]
    assert shown == [
        {"text": "Let me look."},
        {"function_call": {"id": "c1", "name": "weather", "args": {"city": "Rome"}}},
        {"function_response": {"id": "c1", "name": "weather", "response": {"result": 21}}},
        {"inline_data": {"data": b"hi", "mime_type": "image/png"}},
        {"text": "21 degrees."},
    ]
    await service.append_event(read, said("after"))
    assert texts(await found(service))[-1] == "after"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@pytest.mark.parametrize("backend", ["memory"], indirect=True)
@given(state=st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=4), names=st.tuples(NAMES, NAMES))
async def test_any_state_and_names_come_back(
    service: StoreSessionService, state: dict[str, Any], names: tuple[str, str]
) -> None:
    app, user = names
    session = await service.create_session(app_name=app, user_id=user, state=state)
    await service.append_event(session, Event(author="agent", actions=EventActions(state_delta=state)))
    read = await service.get_session(app_name=app, user_id=user, session_id=session.id)
    assert read is not None
    stored = {key: value for key, value in state.items() if not key.startswith("temp:")}
    assert {key: read.state[key] for key in stored} == stored
    assert read.events[0].actions.state_delta == stored


@pytest.mark.parametrize("embedder", [None, HashingEmbedder()], ids=["words", "vectors"])
async def test_a_search_finds_memories_of_a_user(store: ConvexStore, embedder: HashingEmbedder | None) -> None:
    service = StoreMemoryService(store, embedder=embedder)

    async def search(query: str, user: str = USER) -> list[MemoryEntry]:
        return (await service.search_memory(app_name=APP, user_id=user, query=query)).memories

    assert await search("tea") == []
    await service.delete_memory(app_name=APP, user_id=USER, memory_id="none")
    tea, bicycle = said("I like green tea", id="tea"), said("My bicycle is red. 私はRomeです", id="bicycle")
    session = Session(id="s1", app_name=APP, user_id=USER, events=[tea, Event(author="agent")])
    for _ in range(2):
        await service.add_session_to_memory(session)
    await service.add_events_to_memory(
        app_name=APP, user_id=USER, events=[bicycle, tea], session_id="s1", custom_metadata={"source": "chat"}
    )
    entry = MemoryEntry(content=types.Content(parts=[types.Part(text="Rides a BICYCLE in Rome")]), author="agent")
    await service.add_memory(app_name=APP, user_id="user-2", memories=[entry])
    assert (await search("Which tea?"))[0].id == "tea"
    assert len(await search("Which tea is green, and is the bicycle red?")) == 2
    memory = (await search("red bicycle"))[0]
    assert (memory.id, memory.author, memory.custom_metadata) == ("bicycle", "user", {"source": "chat"})
    assert [memory.content.parts for memory in await search("bicycle", "user-2")] == [entry.content.parts]
    if embedder is None:
        assert [memory.id for memory in await search("私は")] == ["bicycle"]
        assert await search("cycle") == []
    await service.delete_memory(app_name=APP, user_id=USER, memory_id="bicycle")
    assert "bicycle" not in [memory.id for memory in await search("red bicycle")]
    sessions = await StoreSessionService(store).list_sessions(app_name=APP)
    assert sessions.sessions == []  # the thread of memories is none


class ScriptedModel(BaseLlm):
    """Calls the tool that it is given once, then tells its result."""

    model: str = "scripted"

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        last = (llm_request.contents[-1].parts or [])[-1]
        if last.function_response is not None:
            answer = types.Part(text=f"It is {(last.function_response.response or {})['result']}.")
        else:
            answer = types.Part(function_call=types.FunctionCall(name="weather", args={"city": last.text}))
        yield LlmResponse(content=types.Content(role="model", parts=[answer]))


def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"sunny in {city}"


async def test_a_runner_goes_on_with_a_session(service: StoreSessionService) -> None:
    agent = LlmAgent(name="agent", model=ScriptedModel(), tools=[weather], output_key="answer")
    runner = Runner(
        app_name=APP,
        agent=agent,
        session_service=service,
        memory_service=StoreMemoryService(service.store),
        auto_create_session=True,
    )
    for city in ("Rome", "Oslo"):
        message = types.Content(role="user", parts=[types.Part(text=city)])
        events = [event async for event in runner.run_async(user_id=USER, session_id="s1", new_message=message)]
        assert events[-1].content is not None
    session = await found(service)
    assert session is not None
    assert [event.author for event in session.events] == ["user", "agent", "agent", "agent"] * 2
    assert session.state == {"answer": "It is sunny in Oslo."}
    messages = await service.store.memory.latest_messages("weather/user-1/s1", limit=20)
    shown = [message for message in messages if message.role != "system"]
    said_and_called = [message.text for message in shown]
    assert said_and_called == ["Rome", "", "It is sunny in Rome.", "Oslo", "", "It is sunny in Oslo."]
    results = [message.content["parts"][0]["toolInvocation"]["result"] for message in shown if not message.text]
    assert results == [{"result": "sunny in Rome"}, {"result": "sunny in Oslo"}]


class FailingModel(ScriptedModel):
    """Fails when it is to tell the result of its tool, as often as `failures` says."""

    failures: int = 1

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        if (llm_request.contents[-1].parts or [])[-1].function_response is not None and self.failures:
            self.failures -= 1
            raise ConnectionError("the model is away")
        async for response in super().generate_content_async(llm_request, stream):
            yield response


async def test_a_session_goes_on_after_a_turn_that_failed(service: StoreSessionService) -> None:
    agent = LlmAgent(name="agent", model=FailingModel(), tools=[weather], output_key="answer")
    runner = Runner(app_name=APP, agent=agent, session_service=service, auto_create_session=True)

    async def turn(city: str) -> list[Event]:
        message = types.Content(role="user", parts=[types.Part(text=city)])
        return [event async for event in runner.run_async(user_id=USER, session_id="s1", new_message=message)]

    with pytest.raises(ConnectionError, match="the model is away"):
        await turn("Rome")
    session = await found(service)
    assert session is not None
    before = len(session.events)  # up to what the tool gave
    assert [bool(event.get_function_responses()) for event in session.events][:3] == [False, False, True]
    await turn("Oslo")
    session = await found(service)
    assert session is not None
    assert session.state == {"answer": "It is sunny in Oslo."}
    assert [event.author for event in session.events[before:]] == ["user", "agent", "agent", "agent"]
    messages = await service.store.memory.latest_messages("weather/user-1/s1", limit=20)
    states = [
        part["toolInvocation"]["state"]
        for message in messages
        for part in message.content["parts"]
        if part["type"] == "tool-invocation"
    ]
    assert states == ["result", "result"]


async def test_calls_on_convex(host: ConvexHost) -> None:
    await host.reset()
    calls = Calls(host)
    async with remote_store(host.url, None) as store:
        await store.init()
        service = StoreSessionService(store)
        session = await made(service)
        call = types.Part(function_call=types.FunctionCall(id="c1", name="weather", args={"city": "Rome"}))
        answer = types.FunctionResponse(id="c1", name="weather", response={"result": "sunny"})
        parts = [types.Part(text="It is."), call, types.Part(function_response=answer)]
        events = [Event(author="agent", content=types.Content(role="model", parts=[part])) for part in parts]
        spent = [(await calls.of(service.append_event(session, event)))[0] for event in events]
        assert spent == [1, 1, 2]  # a result is merged into its call, which is read first
        events = [said(str(n), state={"user:n": n, "app:n": n, "n": n}) for n in range(3)]
        assert [(await calls.of(service.append_event(session, event)))[0] for event in events] == [1, 1, 1]
        assert (await calls.of(found(service)))[0] == 1
        assert (await calls.of(found(service, num_recent_events=2)))[0] == 1
        assert (await calls.of(service.list_sessions(app_name=APP)))[0] == 1
        assert (await calls.of(made(service, "s2")))[0] == 1
        assert (await calls.of(service.delete_session(app_name=APP, user_id=USER, session_id="s1")))[0] == 1


async def test_a_service_opens_and_closes_its_store(tmp_path: Any) -> None:
    async with StoreSessionService(tmp_path / "agent.db") as service:
        await service.append_event(await made(service), said("kept"))
    async with StoreSessionService(tmp_path / "agent.db") as service:
        assert texts(await found(service)) == ["kept"]


async def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await run_page("google-adk.md")


CONTRACT = "ADK_SESSION_TESTS"
"""The variable with the path of ADK's own `test_session_service.py`, which no package contains."""


def contract_tests() -> dict[str, Callable[..., Any]]:
    """The functions of ADK's file that test any session service: those with the fixture `session_service`."""
    spec = importlib.util.spec_from_file_location("adk_session_tests", os.environ[CONTRACT])
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        name: test
        for name, test in vars(module).items()
        if name.startswith("test_") and "session_service" in inspect.signature(test).parameters
    }


@pytest.fixture
def session_service(service: StoreSessionService) -> StoreSessionService:
    return service


if CONTRACT in os.environ:
    globals().update(contract_tests())


@pytest.mark.skipif(CONTRACT not in os.environ, reason=f"{CONTRACT} names no file")
def test_the_contract_of_adk_has_16_functions() -> None:
    assert len(contract_tests()) >= 16
