"""Takes the spans of the OpenAI Agents SDK by its own interface, which tells more than its bridges to OpenTelemetry."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Unpack

from agents.tracing import Span, Trace, TracingProcessor

from mastra_convex.tracing import messages
from mastra_convex.tracing.span import SpanFields, given, ids_of, usage_of
from mastra_convex.tracing.target import Target
from mastra_convex.tracing.values import parsed, plain
from mastra_convex.tracing.writer import SpanWriter, WriterOptions, writer_of

__all__ = ["OpenAIAgentsTracingProcessor"]

_TYPES: Final = {
    "agent": "agent_run",
    "generation": "model_generation",
    "response": "model_generation",
    "function": "tool_call",
    "guardrail": "processor_run",
}
"""The span types by the type of the SDK's span data; others are generic."""

_MODELS: Final = ("generation", "response")

_MOST_TRACES: Final = 10_000
"""Traces that are known at a time; of one that is never ended, the memory is given back by newer ones."""


@dataclass(eq=False, slots=True)
class _Run:
    """A trace of the SDK, which is no span there: it becomes the root of its spans."""

    trace: Trace
    started_at: datetime
    ended_at: datetime | None = None
    agents: dict[str, None] = field(default_factory=dict[str, None])
    tasks: set[str] = field(default_factory=set[str])
    first_model: Any = None
    last_model: Any = None
    error: Any = None

    @property
    def key(self) -> tuple[str, str]:
        """The trace's id and, made of it, the one of the root."""
        trace_id = _bare(self.trace.trace_id)
        return trace_id, trace_id[:16]


class OpenAIAgentsTracingProcessor(TracingProcessor):
    """Stores the traces of the OpenAI Agents SDK, with what its models and tools are given and answer.

    Args:
        target: where to, as of `SpanWriter`; or a writer that others share.
        options: the optional arguments of `SpanWriter`.

    Raises:
        ConfigurationError: an argument is wrong.

    Example:
        from agents import set_trace_processors

        set_trace_processors([OpenAIAgentsTracingProcessor("agent.db")])  # in place of the upload to OpenAI
    """

    def __init__(self, target: Target | SpanWriter = None, **options: Unpack[WriterOptions]) -> None:
        self.writer: SpanWriter = writer_of(target, **options)
        self._runs: OrderedDict[str, _Run] = OrderedDict()

    def on_trace_start(self, trace: Trace) -> None:
        """Adds the root of a trace."""
        run = self._runs[trace.trace_id] = _Run(trace, datetime.now(UTC))
        if len(self._runs) > _MOST_TRACES:
            self._runs.popitem(last=False)
        self.writer.put(run.key, _root_fields, run)

    def on_trace_end(self, trace: Trace) -> None:
        """Adds the root as it is at the end."""
        run = self._runs.pop(trace.trace_id, None)
        if run is not None:
            run.ended_at = datetime.now(UTC)
            self.writer.put(run.key, _root_fields, run)

    def on_span_start(self, span: Span[Any]) -> None:
        """Adds a span that begins."""
        run = self._runs.get(span.trace_id)
        if run is not None:
            kind = span.span_data.type
            if kind == "agent":
                run.agents[span.span_data.name] = None
            elif kind == "task" and span.parent_id is None:
                run.tasks.add(span.span_id)
            elif kind in _MODELS:
                run.first_model = run.first_model or span
        self._put(span, run)

    def on_span_end(self, span: Span[Any]) -> None:
        """Adds a span that ended."""
        run = self._runs.get(span.trace_id)
        if run is not None:
            if span.span_data.type in _MODELS:
                run.last_model = span
            if span.error and (span.parent_id is None or span.parent_id in run.tasks):
                run.error = span.error  # of a whole run; one further down may have been dealt with
        self._put(span, run)

    def force_flush(self) -> None:
        """Waits until all spans are stored, at most 30 seconds."""
        self.writer.flush()

    def shutdown(self) -> None:
        """Stores what waits, and closes the writer."""
        self.writer.close()

    def _put(self, span: Span[Any], run: _Run | None) -> None:
        self.writer.put((span.trace_id, span.span_id), _span_fields, (span, run))


def _root_fields(run: _Run) -> SpanFields:
    asked = None if run.first_model is None else _input(run.first_model.span_data)
    answered = messages.messages_of(None if run.last_model is None else _output(run.last_model.span_data))
    is_agent = len(run.agents) == 1
    name = next(iter(run.agents)) if is_agent else run.trace.name
    trace_id, span_id = run.key
    return given(
        trace_id=trace_id,
        span_id=span_id,
        name=run.trace.name,
        span_type="agent_run" if is_agent else "workflow_run",
        entity_type="agent" if is_agent else "workflow_run",
        entity_id=name,
        entity_name=name,
        is_event=False,
        started_at=run.started_at,
        ended_at=run.ended_at,
        input=asked,
        output=None if run.ended_at is None or not answered else {"text": messages.text_of(answered)},
        error=_error(run.error),
        metadata=_metadata(run) or None,
        **_context(run),
    )


def _span_fields(source: tuple[Span[Any], _Run | None]) -> SpanFields | None:
    span, run = source
    data = span.span_data
    if span.started_at is None:
        return None
    span_type = _TYPES.get(data.type, "generic")
    if data.type == "function" and data.mcp_data:
        span_type = "mcp_tool_call"
    parent_id = _bare(span.parent_id) if span.parent_id else run.key[1] if run else None
    return given(
        trace_id=_bare(span.trace_id),
        span_id=_bare(span.span_id),
        parent_span_id=parent_id,
        name=_name(data),
        span_type=span_type,
        is_event=False,
        started_at=_time(span.started_at),
        ended_at=_time(span.ended_at),
        input=_input(data),
        output=_output(data),
        error=_error(span.error),
        attributes=_attributes(data) or None,
        metadata=_rest(data) or None,
        **_entity(data),
        **(_context(run) if run else {}),
    )


def _name(data: Any) -> str:
    named = getattr(data, "name", None) or getattr(data, "agent_name", None)
    if data.type in _MODELS:
        model = _model(data)
        return f"llm: '{model}'" if model else "llm"
    if data.type == "handoff":
        return f"handoff: {data.from_agent} to {data.to_agent}" if data.to_agent else f"handoff: {data.from_agent}"
    if data.type == "turn":
        return f"turn: {data.turn}"
    kind = {"agent": "agent run", "function": "tool"}.get(data.type, data.type)
    return f"{kind}: '{named}'" if named else str(kind)


def _entity(data: Any) -> dict[str, Any]:
    kind = {"agent": "agent", "function": "tool"}.get(data.type)
    return {} if kind is None else {"entity_type": kind, "entity_id": data.name, "entity_name": data.name}


def _input(data: Any) -> Any:
    if data.type in _MODELS:
        asked = plain(data.input)
        if isinstance(asked, str):
            asked = messages.prompt(asked)
        instructions = messages.system(getattr(getattr(data, "response", None), "instructions", None))
        found = messages.messages_of(asked)
        return [*instructions, *found] if found else asked
    return plain(parsed(data.input)) if data.type == "function" else None


def _output(data: Any) -> Any:
    if data.type == "response":
        answered = None if data.response is None else plain(data.response.output)
    elif data.type == "generation":
        answered = plain(data.output)
        if isinstance(answered, list) and answered and isinstance(answered[0], dict) and "output" in answered[0]:
            answered = answered[0]["output"]  # a whole response, as it is told of streams
    else:
        return plain(parsed(data.output)) if data.type == "function" else None
    return messages.messages_of(answered) or answered


def _attributes(data: Any) -> dict[str, Any]:
    if data.type in _MODELS:
        response = getattr(data, "response", None)
        config = plain(getattr(data, "model_config", None)) or {}
        return given(
            model=_model(data),
            provider="openai" if response is not None else None,
            responseId=getattr(response, "id", None),
            parameters=given(
                temperature=config.get("temperature"),
                topP=config.get("top_p"),
                maxOutputTokens=config.get("max_tokens"),
            )
            or None,
            usage=_usage(data.usage or plain(getattr(response, "usage", None)) or {}),
        )
    if data.type == "agent":
        return given(availableTools=data.tools or None)
    if data.type == "function" and data.mcp_data:
        return {"mcpServer": str(data.mcp_data.get("server") or "mcp")}
    return {"triggered": data.triggered} if data.type == "guardrail" else {}


def _model(data: Any) -> Any:
    response = getattr(data, "response", None)
    return getattr(response, "model", None) or getattr(data, "model", None)


def _usage(usage: dict[str, Any]) -> dict[str, Any] | None:
    asked: dict[str, Any] = usage.get("input_tokens_details") or {}
    answered: dict[str, Any] = usage.get("output_tokens_details") or {}
    return usage_of(
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        cache_read=asked.get("cached_tokens") or None,
        reasoning=answered.get("reasoning_tokens") or None,
    )


def _rest(data: Any) -> dict[str, Any]:
    """Metadata: of spans that have no type of their own, all that they tell."""
    told = getattr(data, "metadata", None)
    metadata = plain(told) if isinstance(told, dict) else {}
    if data.type not in _TYPES:
        members = plain(data.export())
        metadata |= {name: value for name, value in members.items() if name not in ("type", "name") and value}
    if data.type == "agent":
        metadata |= given(handoffs=data.handoffs or None, outputType=data.output_type)
    return metadata


def _error(error: Any) -> dict[str, Any] | None:
    if not error:
        return None
    return given(message=str(error.get("message") or "error"), details=plain(error.get("data")) or None)


def _metadata(run: _Run) -> dict[str, Any]:
    told = getattr(run.trace, "metadata", None)
    return plain(told) if isinstance(told, dict) else {}


def _context(run: _Run) -> dict[str, Any]:
    """The ids by which traces are found; the group of a trace is the conversation."""
    group = getattr(run.trace, "group_id", None)
    return {**given(thread_id=None if group is None else str(group)), **ids_of(_metadata(run))}


def _bare(id: str) -> str:
    return id.removeprefix("trace_").removeprefix("span_")


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
