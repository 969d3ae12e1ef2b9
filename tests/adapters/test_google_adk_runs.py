"""Runners of ADK over a store, their cost, and ADK's own tests of session services."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.adk.agents import LlmAgent
from google.adk.events import Event
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.genai import types

from mastra_convex import ConvexStore
from mastra_convex.adapters.google_adk import StoreMemoryService, StoreSessionService
from tests.adapters.adk import APP, USER, found, made, said, texts
from tests.adapters.calls import Calls
from tests.adapters.pages import run_page
from tests.backends import ConvexHost, remote_store


@pytest.fixture
def service(store: ConvexStore) -> StoreSessionService:
    return StoreSessionService(store)


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
