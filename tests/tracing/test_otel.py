"""OpenTelemetry's spans, from a provider into a SQLite file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, SpanContext, TraceFlags

from mastra_convex import ConvexStore
from mastra_convex.tracing import StoreSpanExporter, StoreSpanProcessor, WriterOptions
from tests.cli.commands import environment
from tests.tracing.traced import by_name, found_in, spans_of, written

ASKED = json.dumps(
    [
        {"role": "user", "parts": [{"type": "text", "content": "What is the weather?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "weather", "arguments": '{"in":1}'}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "c", "name": "weather", "result": "sunny"}]},
    ]
)
ANSWERED = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "It is sunny."}]}])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.db"


def provider_of(processor: Any, **options: Any) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False, **options)
    provider.add_span_processor(processor)
    return provider


@pytest.fixture
def processor(path: Path) -> Iterator[StoreSpanProcessor]:
    processor = StoreSpanProcessor(path)
    yield processor
    processor.shutdown()


async def test_spans_of_an_agent_become_a_trace_of_mastra(path: Path, processor: StoreSpanProcessor) -> None:
    resource = Resource({"service.name": "app", "deployment.environment.name": "staging"})
    tracer = provider_of(processor, resource=resource).get_tracer("gen", "1.0")
    async with written(processor.writer):
        agent: dict[str, Any] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}
        agent |= {"gen_ai.conversation.id": "thread-1", "user.id": "u", "metadata": '{"resource_id": "r", "plan": 7}'}
        agent |= {"pydantic_ai.all_messages": ASKED, "final_result": "It is sunny."}
        with tracer.start_as_current_span("invoke_agent helper", attributes=agent):
            chat: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt", "unknown": [1, 2]}
            chat |= {"gen_ai.provider.name": "openai", "gen_ai.request.temperature": 0.5}
            chat |= {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 4}
            chat |= {"gen_ai.usage.cache_read.input_tokens": 6, "gen_ai.input.messages": ASKED}
            with tracer.start_as_current_span("chat gpt", attributes=chat) as span:
                span.set_attribute("gen_ai.output.messages", ANSWERED)
            tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"}
            with (
                pytest.raises(ValueError, match="no weather"),
                tracer.start_as_current_span("execute_tool weather", attributes=tool),
            ):
                raise ValueError("no weather")
    spans = await by_name(path)
    agent_run, chat_span = spans["invoke_agent helper"], spans["chat gpt"]
    assert (agent_run.span_type, agent_run.parent_span_id, agent_run.error) == ("agent_run", None, None)
    assert (agent_run.entity_type, agent_run.entity_id, agent_run.entity_name) == ("agent", "helper", "helper")
    assert (agent_run.thread_id, agent_run.user_id, agent_run.resource_id) == ("thread-1", "u", "r")
    assert (agent_run.service_name, agent_run.environment) == ("app", "staging")
    assert agent_run.metadata == {"resource_id": "r", "plan": 7}
    assert agent_run.scope == {"name": "gen", "version": "1.0"}
    assert agent_run.input == [{"role": "user", "content": [{"type": "text", "text": "What is the weather?"}]}]
    assert agent_run.output == {"text": "It is sunny."}
    assert (chat_span.span_type, chat_span.parent_span_id) == ("model_generation", agent_run.span_id)
    assert chat_span.attributes == {
        "model": "gpt",
        "provider": "openai",
        "parameters": {"temperature": 0.5},
        "usage": {"inputTokens": 10, "outputTokens": 4, "inputDetails": {"cacheRead": 6}},
    }
    assert chat_span.metadata == {"unknown": [1, 2]}
    assert [message["role"] for message in chat_span.input] == ["user", "assistant", "tool"]
    assert chat_span.input[1]["content"] == [
        {"type": "tool-call", "toolCallId": "c", "toolName": "weather", "input": {"in": 1}}
    ]
    assert chat_span.output == [{"role": "assistant", "content": [{"type": "text", "text": "It is sunny."}]}]
    failed = spans["execute_tool weather"]
    assert (failed.span_type, failed.entity_name) == ("tool_call", "weather")
    assert failed.error is not None
    assert (failed.error["name"], failed.error["message"]) == ("ValueError", "no weather")
    assert "Traceback" in failed.error["stack"]


async def test_a_running_trace_is_seen_before_it_ends(path: Path, processor: StoreSpanProcessor) -> None:
    tracer = provider_of(processor).get_tracer("app")
    with tracer.start_as_current_span("work"):
        assert await processor.writer.aflush()
        (running,) = await spans_of(path)
        assert running.ended_at is None
    assert await processor.writer.aflush()
    (ended,) = await spans_of(path)
    assert ended.ended_at is not None
    assert (ended.span_id, ended.started_at) == (running.span_id, running.started_at)


async def test_links_events_and_spans_of_a_remote_parent(path: Path, processor: StoreSpanProcessor) -> None:
    tracer = provider_of(processor).get_tracer("app")
    other = SpanContext(trace_id=1, span_id=2, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    async with written(processor.writer):
        with tracer.start_as_current_span("work", links=[Link(other, {"why": "retry"})]) as span:
            span.add_event("note", {"n": 1})
    (stored,) = await spans_of(path)
    assert stored.links == [{"traceId": f"{1:032x}", "spanId": f"{2:016x}", "attributes": {"why": "retry"}}]
    assert stored.metadata is not None
    assert stored.metadata["events"][0]["attributes"] == {"n": 1}


async def test_an_exporter_behind_the_batches_of_opentelemetry(path: Path) -> None:
    exporter = StoreSpanExporter(path)
    provider = provider_of(BatchSpanProcessor(exporter))
    async with written(exporter.writer):
        with provider.get_tracer("app").start_as_current_span("work"):
            pass
        assert provider.force_flush()
    assert [span.name for span in await spans_of(path)] == ["work"]
    provider.shutdown()


async def test_what_is_not_sampled_is_not_stored(path: Path, processor: StoreSpanProcessor) -> None:
    provider = provider_of(processor, sampler=ALWAYS_OFF)
    async with written(processor.writer):
        with provider.get_tracer("app").start_as_current_span("work"):
            pass
    assert await spans_of(path) == []


async def test_the_spans_of_stores_are_not_traced(path: Path, processor: StoreSpanProcessor) -> None:
    """Each write would be a span, which is written; so would be what the program stores beside."""
    tracer = provider_of(processor).get_tracer("mastra_convex")
    async with written(processor.writer):
        with tracer.start_as_current_span("save_messages memory"):
            pass
    assert await spans_of(path) == []


SECRET = "open sesame"


def _without_secrets(fields: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(fields, default=str).replace(SECRET, "..."))  # type: ignore[no-any-return]


@pytest.mark.parametrize("content", [False, _without_secrets])
async def test_content_can_be_left_out_or_changed(path: Path, content: Any) -> None:
    options: WriterOptions = {"content": content}
    processor = StoreSpanProcessor(path, **options)
    tracer = provider_of(processor).get_tracer("app")
    told = json.dumps([{"role": "user", "parts": [{"type": "text", "content": SECRET}]}])
    attributes: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10, "other": SECRET}
    attributes |= {"gen_ai.input.messages": told, "gen_ai.output.messages": told, "gen_ai.system_instructions": told}
    attributes |= {"metadata": json.dumps({"thread_id": "t", "note": SECRET}), "gen_ai.tool.call.arguments": SECRET}
    async with written(processor.writer):
        with tracer.start_as_current_span("chat", attributes=attributes) as span:
            span.add_event("note", {"text": SECRET})
            span.record_exception(ValueError(SECRET))
            span.set_status(trace.StatusCode.ERROR, SECRET)
    (stored,) = await spans_of(path)
    assert stored.thread_id == "t"
    assert stored.attributes is not None
    assert stored.attributes["usage"] == {"inputTokens": 10}
    assert stored.error is not None
    assert stored.error["name"] == "ValueError"
    assert (stored.input is None) == (content is False)
    async with ConvexStore.local(path):
        pass  # which brings the log of the file into it
    assert not found_in(path.parent, SECRET)


async def test_long_values_are_cut_and_say_so(path: Path) -> None:
    processor = StoreSpanProcessor(path, max_value_bytes=1_000)
    tracer = provider_of(processor, span_limits=SpanLimits(max_span_attributes=SpanLimits.UNSET)).get_tracer("app")
    told = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "long " * 1_000}]}])
    async with written(processor.writer):
        with tracer.start_as_current_span("chat", attributes={"gen_ai.input.messages": told, "n": 1}):
            pass
    (span,) = await spans_of(path)
    text = span.input[0]["content"][0]["text"]
    assert text.startswith("long long")
    assert text.endswith("(cut, 5000 characters)")
    assert len(json.dumps(span.input)) <= 1_000


def test_the_global_provider_is_left_alone(tmp_path: Path) -> None:
    before = trace.get_tracer_provider()
    StoreSpanProcessor(str(tmp_path / "agent.db")).shutdown()
    assert trace.get_tracer_provider() is before


QUIET = """
import asyncio, sqlite3
from opentelemetry import trace
from mastra_convex import ConvexStore, tracing

writer = tracing.install("agent.db", frameworks=["opentelemetry-sdk"])

async def work():
    async with ConvexStore.local("agent.db") as store:
        with trace.get_tracer("app").start_as_current_span("work"):
            await store.memory.save_thread({"id": "t1", "resource_id": "u1"})

asyncio.run(work())
assert writer.flush()
file = sqlite3.connect("agent.db")
changes = lambda: file.execute("PRAGMA data_version").fetchone()
before = changes()
for _ in range(5):  # each writes what the write before has made
    assert writer.flush()
assert changes() == before
"""


async def test_nothing_is_written_after_the_last_span_with_the_global_provider(path: Path) -> None:
    command = [sys.executable, "-c", QUIET]
    done = await anyio.run_process(command, cwd=path.parent, env=environment(), check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert [span.name for span in await spans_of(path)] == ["work"]
