"""Runs of three frameworks become the traces that they should: the tree, the messages, the tokens, the errors."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from agents import Agent, RunConfig, Runner, function_tool, set_trace_processors
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from opentelemetry.sdk.trace import TracerProvider
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.instrumented import InstrumentationSettings

from mastra_convex.tracing import LangChainTracingHandler, OpenAIAgentsTracingProcessor, StoreSpanProcessor
from tests.adapters.tracing_models import ANSWER, OpenAIModel, langchain_model, pydantic_ai_model
from tests.cli.commands import environment
from tests.tracing.traced import found_in, shape, spans_of, written

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "tracing.md"
QUESTION = "Is it sunny in Oslo?"
ASKED = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.db"


def weather(city: str) -> str:
    """Tells the weather of a city."""
    if city == "nowhere":
        raise ValueError("no such city")
    return f"sunny in {city}"


def tokens(spans: Sequence[Any]) -> tuple[int, int]:
    used = [(span.attributes or {}).get("usage") or {} for span in spans if span.span_type == "model_generation"]
    return sum(usage["inputTokens"] for usage in used), sum(usage["outputTokens"] for usage in used)


def check_root(spans: Sequence[Any]) -> None:
    root = spans[0]
    assert (root.thread_id, root.user_id, root.entity_name) == ("thread-1", "user-1", "forecaster")
    assert (root.error, root.output["text"]) == (None, ANSWER)
    assert all(span.ended_at is not None for span in spans)


def pydantic_agent(processor: StoreSpanProcessor, *, version: Any) -> PydanticAgent[None, str]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    agent = PydanticAgent(pydantic_ai_model(), name="forecaster", instructions="Be brief.")
    agent.instrument = InstrumentationSettings(tracer_provider=provider, version=version)
    return agent


@pytest.mark.parametrize("version", [2, 5, 6])
async def test_pydantic_ai(path: Path, version: int) -> None:
    processor = StoreSpanProcessor(path)
    agent = pydantic_agent(processor, version=version)
    agent.tool_plain(weather)
    async with written(processor.writer):
        result = await agent.run(QUESTION, conversation_id="thread-1", metadata={"user_id": "user-1"})
    spans = await spans_of(path)
    usage = result.usage
    assert tokens(spans) == (usage.input_tokens, usage.output_tokens)
    assert [(depth, kind) for depth, kind, _ in shape(spans)] == [
        (0, "agent_run"), (1, "model_generation"), (1, "tool_call"), (1, "model_generation")
    ]  # fmt: skip
    check_root(spans)
    assert spans[0].input[-1] == ASKED[0]
    assert (spans[2].entity_name, spans[2].input, spans[2].output) == ("weather", {"city": "a"}, "sunny in a")


async def test_an_error_of_pydantic_ai_is_on_its_span(path: Path) -> None:
    processor = StoreSpanProcessor(path)
    agent = pydantic_agent(processor, version=5)

    @agent.tool_plain
    def fail() -> str:
        raise ValueError("no such city")

    async with written(processor.writer):
        with pytest.raises(ValueError, match="no such city"):
            await agent.run(QUESTION)
    failed = {span.span_type for span in await spans_of(path) if span.error}
    assert failed == {"agent_run", "tool_call"}


async def test_openai_agents(path: Path) -> None:
    processor = OpenAIAgentsTracingProcessor(path)
    set_trace_processors([processor])
    agent = Agent(name="forecaster", model=OpenAIModel(), tools=[function_tool(weather)])
    config = RunConfig(group_id="thread-1", trace_metadata={"user_id": "user-1"})
    async with written(processor.writer):
        result = await Runner.run(agent, QUESTION, run_config=config)
    spans = await spans_of(path)
    usage = result.context_wrapper.usage
    assert tokens(spans) == (usage.input_tokens, usage.output_tokens)
    assert [kind for _, kind, _ in shape(spans) if kind != "generic"] == [
        "agent_run", "agent_run", "model_generation", "tool_call", "model_generation"
    ]  # fmt: skip
    check_root(spans)
    assert spans[0].input == ASKED
    (called,) = [span for span in spans if span.span_type == "tool_call"]
    assert (called.entity_name, called.input, called.output) == ("weather", {"city": "Oslo"}, "sunny in Oslo")


async def test_an_error_of_openai_agents_is_on_its_span(path: Path) -> None:
    processor = OpenAIAgentsTracingProcessor(path)
    set_trace_processors([processor])

    @function_tool(failure_error_function=None)
    def fail() -> str:
        raise ValueError("no such city")

    async with written(processor.writer):
        with pytest.raises(Exception, match="no such city"):
            await Runner.run(Agent(name="forecaster", model=OpenAIModel(), tools=[fail]), QUESTION)
    spans = await spans_of(path)
    assert {span.span_type for span in spans if span.error} == {"agent_run", "tool_call"}
    assert spans[0].error


def graph_of(model: Any, used: Any = weather) -> Any:
    async def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("agent", agent).add_node("tools", ToolNode([tool(used)]))
    graph.add_edge(START, "agent").add_conditional_edges("agent", tools_condition).add_edge("tools", "agent")
    return graph.compile(name="forecaster")


async def test_langgraph(path: Path) -> None:
    handler = LangChainTracingHandler(path)
    config = {
        "callbacks": [handler],
        "configurable": {"thread_id": "thread-1"},
        "metadata": {"user_id": "user-1"},
        "tags": ["test"],
    }
    async with written(handler.writer):
        state = await graph_of(langchain_model(calls_a_tool=True)).ainvoke({"messages": [("user", QUESTION)]}, config)
    spans = await spans_of(path)
    used = [message.usage_metadata for message in state["messages"] if message.type == "ai"]
    assert tokens(spans) == (sum(u["input_tokens"] for u in used), sum(u["output_tokens"] for u in used))
    assert [(depth, kind, name) for depth, kind, name in shape(spans) if kind != "generic"] == [
        (0, "workflow_run", "forecaster"),
        (1, "workflow_step", "agent"),
        (2, "model_generation", "GenericFakeChatModel"),
        (1, "workflow_step", "tools"),
        (2, "tool_call", "weather"),
        (1, "workflow_step", "agent"),
        (2, "model_generation", "GenericFakeChatModel"),
    ]
    check_root(spans)
    assert spans[0].input == {"messages": ASKED}
    assert spans[0].tags == ["test"]
    (called,) = [span for span in spans if span.span_type == "tool_call"]
    assert (called.input, called.output) == ({"city": "Oslo"}, "sunny in Oslo")
    assert called.attributes is not None
    assert called.attributes["toolCallId"] == "c1"


async def test_an_error_of_langgraph_is_on_its_spans(path: Path) -> None:
    handler = LangChainTracingHandler(path)

    async def fail(state: MessagesState) -> dict[str, Any]:
        raise ValueError("no such city")

    graph: Any = StateGraph(MessagesState).add_node("fail", fail).add_edge(START, "fail").compile()
    async with written(handler.writer):
        with pytest.raises(ValueError, match="no such city"):
            await graph.ainvoke({"messages": [("user", QUESTION)]}, {"callbacks": [handler]})
    errors = {span.name: span.error for span in await spans_of(path)}
    assert {name: error and error["message"] for name, error in errors.items()} == {
        "LangGraph": "no such city",
        "fail": "no such city",
    }


WORDS = ("sunny", "Oslo", "Be brief", "no such city", "Tells the weather")
"""What users, models, tools and their errors say in these runs."""


def check_without_content(path: Path, spans: Sequence[Any], *, tokens_used: tuple[int, int]) -> None:
    assert not found_in(path.parent, *WORDS)
    assert not [span for span in spans if span.input or span.output or span.metadata]
    assert {span.thread_id for span in spans} == {"thread-1"}
    assert tokens(spans) == tokens_used
    (failed,) = {span.error["message"] for span in spans if span.error and span.span_type == "tool_call"}
    assert "Error" in failed or failed == "error"  # its class, where the framework tells it
    assert "weather" in {span.entity_name for span in spans}


async def test_nothing_of_the_content_of_pydantic_ai(path: Path) -> None:
    processor = StoreSpanProcessor(path, content=False)
    agent = pydantic_agent(processor, version=5)  # which tells the content nevertheless

    @agent.tool_plain
    def weather(city: str) -> str:
        raise ValueError("no such city")

    async with written(processor.writer):
        with pytest.raises(ValueError, match="no such city"):
            await agent.run(QUESTION, conversation_id="thread-1", metadata={"note": "Oslo"})
    check_without_content(path, await spans_of(path), tokens_used=(55, 5))


async def test_nothing_of_the_content_of_openai_agents(path: Path) -> None:
    processor = OpenAIAgentsTracingProcessor(path, content=False)
    set_trace_processors([processor])

    @function_tool(name_override="weather", failure_error_function=None)
    def fail(city: str) -> str:
        raise ValueError("no such city")

    agent = Agent(name="forecaster", instructions="Be brief.", model=OpenAIModel(), tools=[fail])
    config = RunConfig(group_id="thread-1", trace_metadata={"note": "Oslo"})
    async with written(processor.writer):
        with pytest.raises(Exception, match="no such city"):
            await Runner.run(agent, QUESTION, run_config=config)
    check_without_content(path, await spans_of(path), tokens_used=(11, 4))


async def test_nothing_of_the_content_of_langgraph(path: Path) -> None:
    handler = LangChainTracingHandler(path, content=False)
    config = {"callbacks": [handler], "configurable": {"thread_id": "thread-1"}, "metadata": {"note": "Oslo"}}

    def weather(city: str) -> str:
        """Tells the weather of a city."""
        raise ValueError("no such city")

    async with written(handler.writer):
        with pytest.raises(ValueError, match="no such city"):
            await graph_of(langchain_model(calls_a_tool=True), weather).ainvoke(
                {"messages": [("user", QUESTION)]}, config
            )
    check_without_content(path, await spans_of(path), tokens_used=(10, 3))


INSTALLED = """
import asyncio
from agents import Agent, Runner, set_trace_processors
from mastra_convex import tracing
from tests.adapters.test_tracing_frameworks import QUESTION, graph_of
from tests.adapters.tracing_models import OpenAIModel, langchain_model

set_trace_processors([])  # or it would be uploaded to OpenAI
writer = tracing.install("agent.db", frameworks=["openai-agents", "langchain-core"])

async def main():
    await Runner.run(Agent(name="forecaster", model=OpenAIModel()), QUESTION)
    await graph_of(langchain_model()).ainvoke({"messages": [("user", QUESTION)]})
    await langchain_model().ainvoke(QUESTION)

asyncio.run(main())
"""


@pytest.mark.long
async def test_one_line_traces_openai_agents_and_langchain(path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", INSTALLED]
    done = await anyio.run_process(command, cwd=path.parent, env=environment(), check=False)
    assert done.returncode == 0, done.stderr.decode()
    roots = [span for span in await spans_of(path) if span.parent_span_id is None]
    assert [(root.span_type, root.entity_name, root.error) for root in roots] == [
        ("agent_run", "forecaster", None),
        ("workflow_run", "forecaster", None),
        ("model_generation", None, None),
    ]
    assert len({root.trace_id for root in roots}) == 3


MODELS = {"pydantic-ai": "pydantic_ai_model", "OpenAI Agents": "OpenAIModel", "LangGraph": "langchain_model"}


@pytest.mark.parametrize("heading", MODELS)
async def test_the_examples_of_the_page_run(heading: str, path: Path) -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for example in re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        program = f"from tests.adapters.tracing_models import {MODELS[heading]} as make\nmodel = make()\n{example}"
        command = [sys.executable, "-W", "ignore", "-c", program]
        done = await anyio.run_process(command, cwd=path.parent, env=environment(), check=False)
        assert done.returncode == 0, done.stderr.decode()
    roots = [span for span in await spans_of(path) if span.parent_span_id is None]
    assert {(root.entity_name, root.error) for root in roots} == {("forecaster", None)}
