"""What events and memories of ADK become in a store, and that they come back (docs/adapters/google-adk.md)."""

from __future__ import annotations

from typing import Any

import pytest
from google.adk.events import Event, EventActions
from google.adk.memory.memory_entry import MemoryEntry
from google.adk.sessions import Session
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from mastra_convex import ConvexStore
from mastra_convex.adapters.google_adk import StoreMemoryService, StoreSessionService
from mastra_convex.domain import HashingEmbedder
from mastra_convex_domains import Message
from tests.adapters.adk import APP, USER, found, made, said, texts


@pytest.fixture
def service(store: ConvexStore) -> StoreSessionService:
    return StoreSessionService(store)


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
