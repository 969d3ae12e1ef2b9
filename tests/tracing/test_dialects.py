"""The dialects of OpenTelemetry's instrumentations, by attributes as each of them gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from mastra_convex.tracing import StoreSpanProcessor
from mastra_convex_domains.observability import Span
from tests.tracing.traced import spans_of, written


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


LANGCHAIN = {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"]}
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
    "LangSmith, model": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.prompt": json.dumps({"messages": [[{**LANGCHAIN, "kwargs": {"content": "Hello"}}]]}),
            "gen_ai.completion": "Hi",
            "gen_ai.usage.input_tokens": 3,
            "langsmith.span.kind": "llm",
            "langsmith.span.tags": "a, b",
            "langsmith.metadata.thread_id": "t",
            "langsmith.metadata.LANGSMITH_PROJECT": "not told",
        },
        {
            "span_type": "model_generation",
            "thread_id": "t",
            "tags": ["a", "b"],
            "input": [said("user", "Hello")],
            "output": "Hi",
            "attributes": {"usage": {"inputTokens": 3}},
            "metadata": {"thread_id": "t"},
        },
    ),
    "LangSmith, chain": (
        {"gen_ai.operation.name": "chain", "langsmith.span.kind": "chain", "gen_ai.prompt": '{"question": 1}'},
        {"span_type": "generic", "input": {"question": 1}, "metadata": None},
    ),
    "logfire, a log": ({"logfire.span_type": "log", "n": 1}, {"is_event": True, "metadata": {"n": 1}}),
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


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_dialect_is_understood(dialect: str, tmp_path: Path) -> None:
    attributes, expected = DIALECTS[dialect]
    processor = StoreSpanProcessor(tmp_path / "agent.db")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    async with written(processor.writer):
        with provider.get_tracer("app").start_as_current_span("span", attributes=attributes):
            pass
    found: Span
    (found,) = await spans_of(tmp_path / "agent.db")
    assert {name: getattr(found, name) for name in expected} == expected
