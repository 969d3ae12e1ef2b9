"""The dialects of OpenTelemetry's instrumentations, by attributes as each of them gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from mastra_convex.tracing import StoreSpanProcessor
from mastra_convex_domains.observability import Span
from tests.tracing.traced import found_in, spans_of, written


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def serialized(kind: str, **kwargs: Any) -> dict[str, Any]:
    """A message as LangChain serializes it."""
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": kwargs}


DIALECTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "openinference, model": (
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt",
            "llm.provider": "openai",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 4,
            "llm.token_count.prompt_details.cache_read": 6,
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be brief.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.content": "Hello",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "weather",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"city": "Oslo"}',
            "input.value": "told twice",
            "session.id": "s",
            "metadata": '{"thread_id": "t", "step": 1}',
        },
        {
            "span_type": "model_generation",
            "thread_id": "t",
            "session_id": "s",
            "input": [said("system", "Be brief."), said("user", "Hello")],
            "output": [
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool-call", "toolCallId": "c", "toolName": "weather", "input": {"city": "Oslo"}}
                    ],
                }
            ],
            "attributes": {
                "model": "gpt",
                "provider": "openai",
                "usage": {"inputTokens": 10, "outputTokens": 4, "inputDetails": {"cacheRead": 6}},
            },
            "metadata": {"thread_id": "t", "step": 1},
        },
    ),
    "openinference, tool": (
        {"openinference.span.kind": "TOOL", "tool.name": "weather", "input.value": '{"a": 1}', "output.value": "sunny"},
        {"span_type": "tool_call", "entity_name": "weather", "input": {"a": 1}, "output": "sunny"},
    ),
    "openinference, agent": (
        {
            "openinference.span.kind": "AGENT",
            "agent.name": "helper",
            "input.value": '{"messages": [{"type": "human", "content": "Hello"}]}',
            "input.mime_type": "application/json",
            "output.value": "Hi",
            "output.mime_type": "text/plain",
        },
        {
            "span_type": "agent_run",
            "entity_name": "helper",
            "input": [said("user", "Hello")],
            "output": {"text": "Hi"},
            "metadata": None,
        },
    ),
    "openinference, chain": (
        {"openinference.span.kind": "CHAIN", "input.value": '{"step": 1}', "session.id": "s"},
        {"span_type": "generic", "input": {"step": 1}, "session_id": "s", "thread_id": "s"},
    ),
    "LangSmith, model": (
        {
            "langsmith.span.kind": "llm",
            "langsmith.span.tags": "seq:step:1, a, b",
            "langsmith.trace.name": "forecaster",
            "langsmith.metadata.thread_id": "t",
            "langsmith.metadata.ls_provider": "openai",
            "langsmith.metadata.ls_model_name": "gpt",
            "langsmith.metadata.langgraph_triggers": '["branch:to:agent"]',
            "langsmith.metadata.usage_metadata": '{"input_tokens": 3, "input_token_details": {"cache_read": 2}}',
            "langsmith.metadata.LANGSMITH_PROJECT": "not told",
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "langchain",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 1,
            "gen_ai.prompt": json.dumps({"messages": [[serialized("HumanMessage", content="Hello", type="human")]]}),
            "gen_ai.completion": json.dumps(
                {
                    "generations": [
                        [{"text": "Hi", "message": serialized("AIMessage", content="Hi", type="ai", tool_calls=[])}]
                    ],
                    "llm_output": None,
                    "type": "LLMResult",
                }
            ),
        },
        {
            "span_type": "model_generation",
            "thread_id": "t",
            "tags": ["a", "b"],
            "input": [said("user", "Hello")],
            "output": [said("assistant", "Hi")],
            "attributes": {
                "model": "gpt",
                "provider": "openai",
                "usage": {"inputTokens": 3, "outputTokens": 1, "inputDetails": {"cacheRead": 2}},
            },
            "metadata": {
                "langsmith.trace.name": "forecaster",
                "thread_id": "t",
                "ls_provider": "openai",
                "ls_model_name": "gpt",
                "langgraph_triggers": ["branch:to:agent"],
                "usage_metadata": {"input_tokens": 3, "input_token_details": {"cache_read": 2}},
            },
        },
    ),
    "LangSmith, tool": (
        {
            "langsmith.span.kind": "tool",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "weather",
            "gen_ai.tool.call.id": "c1",
            "gen_ai.prompt": '{"city": "Oslo"}',
            "gen_ai.completion": json.dumps(
                {"output": {"content": "sunny", "type": "tool", "name": "weather", "tool_call_id": "c1"}}
            ),
        },
        {
            "span_type": "tool_call",
            "entity_name": "weather",
            "input": {"city": "Oslo"},
            "output": "sunny",
            "attributes": {"toolCallId": "c1"},
        },
    ),
    "LangSmith, graph": (
        {
            "langsmith.span.kind": "chain",
            "gen_ai.operation.name": "chain",
            "gen_ai.prompt": '{"messages": [["user", "Hello"]]}',
            "gen_ai.completion": json.dumps(
                {"messages": [{"content": "Hello", "type": "human"}, {"content": "Hi", "type": "ai"}]}
            ),
        },
        {
            "span_type": "generic",
            "input": [said("user", "Hello")],
            "output": [said("user", "Hello"), said("assistant", "Hi")],
        },
    ),
    "LangSmith, chain": (
        {"gen_ai.operation.name": "chain", "langsmith.span.kind": "chain", "gen_ai.prompt": '{"question": 1}'},
        {"span_type": "generic", "input": {"question": 1}, "metadata": None},
    ),
    "logfire, a log": (
        {
            "logfire.span_type": "log",
            "logfire.level_num": 9,
            "logfire.msg_template": "asked {who}",
            "logfire.msg": "asked Ada",
            "logfire.json_schema": '{"type": "object"}',
            "logfire.tags": ("a", "b"),
            "who": "Ada",
        },
        {
            "is_event": True,
            "span_type": "generic",
            "tags": ["a", "b"],
            "metadata": {
                "logfire.level_num": 9,
                "logfire.msg_template": "asked {who}",
                "logfire.msg": "asked Ada",
                "who": "Ada",
            },
        },
    ),
    "gen_ai, embeddings": (
        {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e", "gen_ai.usage.input_tokens": 7},
        {"span_type": "rag_embedding", "attributes": {"model": "e", "usage": {"inputTokens": 7}}},
    ),
    "gen_ai, a tool of MCP": (
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "mcp.server.name": "docs"},
        {"span_type": "mcp_tool_call", "entity_name": "search", "attributes": {"mcpServer": "docs"}},
    ),
    "JSON that is none, counts that are none": (
        {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "[{", "gen_ai.usage.input_tokens": "many"},
        {"span_type": "model_generation", "input": "[{", "attributes": None},
    ),
}


async def stored(path: Path, *told: dict[str, Any], **options: Any) -> list[Span]:
    """Makes a span of each attributes, and reads what was stored of them."""
    processor = StoreSpanProcessor(path, **options)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    async with written(processor.writer):
        for attributes in told:
            with provider.get_tracer("app").start_as_current_span("span", attributes=attributes):
                pass
    return await spans_of(path)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_dialect_is_understood(dialect: str, tmp_path: Path) -> None:
    attributes, expected = DIALECTS[dialect]
    (found,) = await stored(tmp_path / "agent.db", attributes)
    assert {name: getattr(found, name) for name in expected} == expected


async def test_a_span_that_announces_another_is_not_stored(tmp_path: Path) -> None:
    assert await stored(tmp_path / "agent.db", {"logfire.span_type": "pending_span"}) == []


async def test_no_dialect_brings_content_past_a_writer_that_leaves_it_out(tmp_path: Path) -> None:
    told = [attributes for attributes, _ in DIALECTS.values()]
    assert len(await stored(tmp_path / "agent.db", *told, content=False)) == len(told)
    assert found_in(tmp_path, "weather")  # the name of a tool
    assert not found_in(tmp_path, "Hello", "Be brief", "Oslo", "sunny", "Ada", "told twice")
