"""Takes the runs of LangChain and LangGraph by a callback handler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Unpack
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

from mastra_convex.tracing import messages
from mastra_convex.tracing.span import SpanFields, given, ids_of, labels, usage_of
from mastra_convex.tracing.target import Target
from mastra_convex.tracing.values import parsed, plain
from mastra_convex.tracing.writer import SpanWriter, WriterOptions, writer_of

__all__ = ["LangChainTracingHandler"]

_PARAMETERS: Final = {
    "ls_temperature": "temperature",
    "ls_max_tokens": "maxOutputTokens",
    "ls_stop": "stopSequences",
}
"""Mastra's names of model parameters by those of LangChain's metadata."""

_NO_FAILURE: Final = "GraphBubbleUp"
"""LangGraph's base class of exceptions that interrupt a graph, or go on in another one."""


@dataclass(eq=False, slots=True)
class _Run:
    """A run of a chain, model, tool or retriever, and what is known of it by now."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    span_type: str
    name: str
    asked: Any
    metadata: Mapping[str, Any]
    tags: list[str]
    root_id: str
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    answered: Any = None
    error: BaseException | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None


class LangChainTracingHandler(BaseCallbackHandler):
    """Stores the runs of LangChain and LangGraph: graphs and their nodes, models, tools, retrievers.

    One handler serves any number of runs, also at once. A run's ids come from its config: `thread_id` of the
    configurable, and `user_id`, `resource_id`, `session_id`, ... of its metadata.

    Args:
        target: where to, as of `SpanWriter`; or a writer that others share.
        options: the optional arguments of `SpanWriter`.

    Raises:
        ConfigurationError: an argument is wrong.

    Example:
        handler = LangChainTracingHandler("agent.db")
        config = {"callbacks": [handler], "configurable": {"thread_id": "thread-1"}}
        await graph.ainvoke({"messages": [("user", "Hello")]}, config)
        assert await handler.writer.aflush()
    """

    run_inline = True  # or each call would be made in a thread

    def __init__(self, target: Target | SpanWriter = None, **options: Unpack[WriterOptions]) -> None:
        self.writer: SpanWriter = writer_of(target, **options)
        self._runs: dict[UUID, _Run] = {}

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **told: Any) -> None:
        """Adds a graph, a node of one, or another runnable."""
        metadata: Mapping[str, Any] = told.get("metadata") or {}
        name = _name(serialized, told)
        if metadata.get("lc_agent_name") == name:
            span_type = "agent_run"
        elif metadata.get("langgraph_node") == name:
            span_type = "workflow_step"
        else:
            is_graph = told.get("parent_run_id") is None or "graph" in name.lower()
            span_type = "workflow_run" if is_graph else "generic"
        self._begin(run_id, span_type, name, inputs, told)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **told: Any) -> None:
        """Adds its end."""
        self._end(run_id, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **told: Any) -> None:
        """Adds its failure."""
        self._fail(run_id, error)

    def on_chat_model_start(
        self, serialized: Any, messages: list[list[BaseMessage]], *, run_id: UUID, **told: Any
    ) -> None:
        """Adds a call of a chat model."""
        self._begin_model(run_id, _name(serialized, told), messages[0] if messages else [], told)

    def on_llm_start(self, serialized: Any, prompts: list[str], *, run_id: UUID, **told: Any) -> None:
        """Adds a call of a model that completes texts."""
        self._begin_model(run_id, _name(serialized, told), prompts[0] if prompts else "", told)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **told: Any) -> None:
        """Notes when a model began to answer."""
        run = self._runs.get(run_id)
        if run is not None and "streaming" not in run.attributes:
            run.attributes |= {"streaming": True, "completionStartTime": datetime.now(UTC).isoformat()}

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **told: Any) -> None:
        """Adds the answer of a model."""
        self._end(run_id, response)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **told: Any) -> None:
        """Adds its failure."""
        self._fail(run_id, error)

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, **told: Any) -> None:
        """Adds a call of a tool."""
        asked = told.get("inputs")
        run = self._begin(run_id, "tool_call", _name(serialized, told), input_str if asked is None else asked, told)
        described = (serialized or {}).get("description")
        run.attributes |= given(toolCallId=told.get("tool_call_id"), toolDescription=described)

    def on_tool_end(self, output: Any, *, run_id: UUID, **told: Any) -> None:
        """Adds its result."""
        self._end(run_id, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **told: Any) -> None:
        """Adds its failure."""
        self._fail(run_id, error)

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, **told: Any) -> None:
        """Adds a retrieval."""
        self._begin(run_id, "rag_vector_operation", _name(serialized, told), query, told)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **told: Any) -> None:
        """Adds what was found."""
        self._end(run_id, documents)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **told: Any) -> None:
        """Adds its failure."""
        self._fail(run_id, error)

    def _begin_model(self, run_id: UUID, name: str, asked: Any, told: Mapping[str, Any]) -> None:
        run = self._begin(run_id, "model_generation", name, asked, told)
        metadata = run.metadata
        parameters = {name: metadata[told_as] for told_as, name in _PARAMETERS.items() if told_as in metadata}
        run.attributes |= given(
            model=metadata.get("ls_model_name"), provider=metadata.get("ls_provider"), parameters=parameters or None
        )

    def _begin(self, run_id: UUID, span_type: str, name: str, asked: Any, told: Mapping[str, Any]) -> _Run:
        parent = self._runs.get(told.get("parent_run_id") or run_id)
        run = self._runs[run_id] = _Run(
            trace_id=run_id.hex if parent is None else parent.trace_id,
            span_id=_span_id(run_id),
            parent_span_id=None if parent is None else parent.span_id,
            span_type=span_type,
            name=name,
            asked=asked,
            metadata=told.get("metadata") or {},
            tags=labels(told.get("tags") or ()),
            root_id=str(run_id) if parent is None else parent.root_id,
        )
        self._put(run)
        return run

    def _end(self, run_id: UUID, answered: Any) -> None:
        run = self._runs.pop(run_id, None)
        if run is not None:
            run.answered, run.ended_at = answered, datetime.now(UTC)
            self._put(run)

    def _fail(self, run_id: UUID, error: BaseException) -> None:
        run = self._runs.pop(run_id, None)
        if run is not None:
            if any(kind.__name__ == _NO_FAILURE for kind in type(error).__mro__):
                run.attributes["status"] = "suspended"
            else:
                run.error = error
            run.ended_at = datetime.now(UTC)
            self._put(run)

    def _put(self, run: _Run) -> None:
        self.writer.put((run.trace_id, run.span_id), _fields, run)


def _name(serialized: Mapping[str, Any] | None, told: Mapping[str, Any]) -> str:
    described = serialized or {}
    return str(told.get("name") or described.get("name") or (described.get("id") or ["run"])[-1])


def _span_id(run_id: UUID) -> str:
    """The random half of the id: the other one may begin with the time, and be the same for several."""
    return run_id.hex[16:]


def _fields(run: _Run) -> SpanFields:
    metadata = plain(run.metadata)
    entity_type = {"agent_run": "agent", "tool_call": "tool"}.get(run.span_type, run.span_type)
    is_entity = run.span_type in ("agent_run", "tool_call", "workflow_run", "workflow_step")
    entity = {"entity_type": entity_type, "entity_id": run.name, "entity_name": run.name} if is_entity else {}
    attributes = dict(run.attributes)
    if isinstance(run.answered, LLMResult):
        attributes |= _answer_attributes(run.answered)
    return given(
        **{"run_id": run.root_id, **ids_of(metadata)},
        **entity,
        trace_id=run.trace_id,
        span_id=run.span_id,
        parent_span_id=run.parent_span_id,
        name=run.name,
        span_type=run.span_type,
        is_event=False,
        started_at=run.started_at,
        ended_at=run.ended_at,
        input=_input(run),
        output=_output(run),
        error=_error(run.error),
        attributes=plain(attributes) or None,
        metadata=metadata or None,
        tags=run.tags or None,
    )


def _input(run: _Run) -> Any:
    if isinstance(run.asked, str) and run.span_type == "model_generation":
        return messages.prompt(run.asked)
    asked = run.asked
    return plain(parsed(asked)) if run.span_type == "tool_call" else _state(asked)


def _output(run: _Run) -> Any:
    answered = run.answered
    if isinstance(answered, LLMResult):
        generations = [generation for prompt in answered.generations for generation in prompt]
        return _state([getattr(each, "message", None) or each.text for each in generations])
    if isinstance(answered, BaseMessage) and run.span_type == "tool_call":
        return plain(parsed(answered.content))
    output = _state(answered)
    if run.parent_span_id is None and isinstance(output, dict) and (found := messages.messages_of(output)):
        return {"text": messages.text_of(found[-1:]), **output}
    return output


def _state(value: Any) -> Any:
    """The input or output of a chain: its messages in Mastra's shape, also as a member of a graph's state."""
    state = plain(_dumped(value))
    if isinstance(state, dict) and "messages" in state:
        return {**state, "messages": messages.messages_of(state["messages"]) or state["messages"]}
    return messages.messages_of(state) or state


def _dumped(value: Any) -> Any:
    if isinstance(value, BaseMessage):
        return value.model_dump(include={"type", "content", "tool_calls", "tool_call_id", "name", "id"})
    if isinstance(value, Mapping):
        return {name: _dumped(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        if len(value) == 2 and all(isinstance(each, str) for each in value):  # ("user", "Hello")
            return {"role": value[0], "content": value[1]} if isinstance(value, tuple) else list(value)
        return [_dumped(each) for each in value]
    return value


def _answer_attributes(result: LLMResult) -> dict[str, Any]:
    answers = [
        message for prompt in result.generations for each in prompt if (message := getattr(each, "message", None))
    ]
    used = [usage for answer in answers if (usage := getattr(answer, "usage_metadata", None))]
    told = getattr(answers[0], "response_metadata", None) or {} if answers else {}
    return given(
        responseModel=told.get("model_name"),
        responseId=told.get("id"),
        finishReason=told.get("finish_reason") or told.get("stop_reason"),
        usage=usage_of(
            _sum(used, "input_tokens"),
            _sum(used, "output_tokens"),
            cache_read=_sum(used, "input_token_details", "cache_read"),
            cache_write=_sum(used, "input_token_details", "cache_creation"),
            reasoning=_sum(used, "output_token_details", "reasoning"),
        ),
    )


def _sum(used: Sequence[Any], name: str, detail: str | None = None) -> int | None:
    members = [usage.get(name) for usage in used]
    counts = members if detail is None else [(member or {}).get(detail) for member in members]
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if known else None


def _error(error: BaseException | None) -> dict[str, Any] | None:
    return None if error is None else {"message": str(error) or type(error).__name__, "name": type(error).__name__}
