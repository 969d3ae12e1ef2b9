"""Maps OpenTelemetry's spans to Mastra's: `gen_ai`, openinference, LangSmith, pydantic-ai, logfire. Internal.

What is known goes to its field, everything else to `metadata`.
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from mastra_convex.tracing import messages
from mastra_convex.tracing.span import SpanFields, given, ids_of, labels, usage_of
from mastra_convex.tracing.values import parsed, plain, time_of

_OPERATIONS: Final = {
    "invoke_agent": "agent_run",
    "create_agent": "agent_run",
    "invoke_workflow": "workflow_run",
    "chat": "model_generation",
    "text_completion": "model_generation",
    "generate_content": "model_generation",
    "execute_tool": "tool_call",
    "embeddings": "rag_embedding",
    "retrieval": "rag_vector_operation",
}
"""The span types by `gen_ai.operation.name`."""

_KINDS: Final = {
    "AGENT": "agent_run",
    "LLM": "model_generation",
    "TOOL": "tool_call",
    "RETRIEVER": "rag_vector_operation",
    "EMBEDDING": "rag_embedding",
    "RERANKER": "rag_action",
    "GUARDRAIL": "processor_run",
    "EVALUATOR": "scorer_run",
}
"""The span types by `openinference.span.kind`, and those of LangSmith, which names some alike in small letters."""

_PARAMETERS: Final = {
    "temperature": "temperature",
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "top_k": "topK",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "stop_sequences": "stopSequences",
    "seed": "seed",
}
"""Mastra's names of model parameters by those after `gen_ai.request.`."""

_OF_NO_USE: Final = ("logfire.json_schema", "input.mime_type", "output.mime_type")
"""Attributes that only describe others."""


def span_fields(span: ReadableSpan) -> SpanFields | None:
    """Returns the fields of Mastra's span; None for a span that only announces another, as logfire makes them."""
    context = span.context
    if context is None or span.start_time is None:
        return None
    attributes = _Attributes(span)
    log_type = attributes.take("logfire.span_type")
    if log_type == "pending_span":
        return None
    span_type = _span_type(span, attributes)
    ended_at = None if span.end_time is None else time_of(span.end_time)
    fields = given(
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_span_id=None if span.parent is None else format_span_id(span.parent.span_id),
        name=span.name or "span",
        span_type=span_type,
        is_event=log_type == "log",
        started_at=time_of(span.start_time),
        ended_at=ended_at,
        **_context(span, attributes),
        **_entity(span_type, attributes),
        error=_error(span, attributes),
        attributes=_told(span_type, attributes) or None,
        tags=_tags(attributes),
        scope=_scope(span),
        links=[_link(link) for link in span.links] or None,
    )
    fields.update(_content(span_type, attributes))
    fields["metadata"] = _rest(span, attributes)
    return fields


class _Attributes:
    """The attributes of a span, and which of them have been taken."""

    def __init__(self, span: ReadableSpan) -> None:
        self._all = dict(span.attributes or {})
        self.metadata = self._metadata()

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def take(self, *names: str) -> Any:
        """Returns the value of the first name that has one, parsed if it is JSON text; takes them all."""
        values = [self._all.pop(name, None) for name in names]
        return next((plain(parsed(value)) for value in values if value is not None), None)

    def text(self, *names: str) -> str | None:
        """The same as text, as ids and names are."""
        values = [self._all.pop(name, None) for name in names]
        return next((str(value) for value in values if value not in (None, "")), None)

    def tree(self, prefix: str) -> Any:
        """Returns what the attributes below a prefix make; takes them."""
        tree = messages.flattened(self._all, prefix)
        self._all = {name: value for name, value in self._all.items() if not name.startswith(f"{prefix}.")}
        return plain(tree)

    def left(self) -> dict[str, Any]:
        """Returns what was not taken."""
        return {name: plain(parsed(value)) for name, value in self._all.items() if name not in _OF_NO_USE}

    def has_any(self, prefix: str) -> bool:
        return any(name.startswith(prefix) for name in self._all)

    def _metadata(self) -> dict[str, Any]:
        """Returns what a program told as metadata, without the variables of the environment that LangSmith adds."""
        told = parsed(self._all.get("metadata"))
        metadata = dict(told) if isinstance(told, dict) else {}
        if isinstance(told, dict):
            del self._all["metadata"]
        for name in [name for name in self._all if name.startswith("langsmith.metadata.")]:
            value = self._all.pop(name)
            if not name.removeprefix("langsmith.metadata.").startswith("LANG"):
                metadata.setdefault(name.removeprefix("langsmith.metadata."), parsed(value))
        return {str(name): plain(value) for name, value in metadata.items()}


def _span_type(span: ReadableSpan, attributes: _Attributes) -> str:
    operation = attributes.text("gen_ai.operation.name")
    kind = attributes.text("openinference.span.kind", "langsmith.span.kind", "traceloop.span.kind") or ""
    found = _OPERATIONS.get(operation or "") or _KINDS.get(kind.upper())
    if found is None and span.instrumentation_scope is not None and span.instrumentation_scope.name == "pydantic-ai":
        # its spans of version 2 name no operation
        found = "tool_call" if "gen_ai.tool.name" in attributes else "agent_run" if "agent_name" in attributes else None
    if found == "tool_call" and attributes.has_any("mcp."):
        return "mcp_tool_call"
    return found or "generic"


def _context(span: ReadableSpan, attributes: _Attributes) -> dict[str, Any]:
    """The ids by which traces are found."""
    resource = dict(span.resource.attributes)
    session = attributes.text("session.id")
    standard = given(
        thread_id=attributes.text("gen_ai.conversation.id", "thread_id"),
        session_id=session,
        user_id=attributes.text("user.id", "enduser.id", "user_id"),
        resource_id=attributes.text("resource_id"),
        run_id=attributes.text("gen_ai.agent.call.id", "run_id"),
        environment=resource.get("deployment.environment.name") or resource.get("deployment.environment"),
        service_name=resource.get("service.name"),
    )
    fallback = {} if session is None else {"thread_id": session}
    return {name: str(value) for name, value in {**fallback, **ids_of(attributes.metadata), **standard}.items()}


def _entity(span_type: str, attributes: _Attributes) -> dict[str, Any]:
    if span_type == "agent_run":
        name = attributes.text("gen_ai.agent.name", "agent.name", "agent_name")
        id = attributes.text("gen_ai.agent.id") or name
        return given(entity_type="agent", entity_id=id, entity_name=name)
    if span_type in ("tool_call", "mcp_tool_call"):
        name = attributes.text("gen_ai.tool.name", "tool.name")
        return given(entity_type="tool", entity_id=name, entity_name=name)
    if span_type == "workflow_run":
        name = attributes.text("gen_ai.workflow.name")
        return given(entity_type="workflow_run", entity_id=name, entity_name=name)
    return {}


def _told(span_type: str, attributes: _Attributes) -> dict[str, Any]:
    """The attributes that Mastra's viewers read."""
    if span_type in ("model_generation", "rag_embedding"):
        return _model(attributes)
    if span_type in ("tool_call", "mcp_tool_call"):
        return given(
            toolType=attributes.text("gen_ai.tool.type"),
            toolDescription=attributes.text("gen_ai.tool.description", "tool.description"),
            toolCallId=attributes.text("gen_ai.tool.call.id"),
            mcpServer=attributes.text("mcp.server.name", "server.address") or "mcp" if "mcp" in span_type else None,
        )
    if span_type == "agent_run":
        return given(
            conversationId=attributes.metadata.get("conversation_id"),
            instructions=messages.text_of(messages.system(attributes.take("gen_ai.system_instructions"))) or None,
            availableTools=_tool_names(attributes.take("gen_ai.tool.definitions")),
        )
    return {}


def _model(attributes: _Attributes) -> dict[str, Any]:
    answered_by = attributes.text("gen_ai.response.model")
    by_langchain = attributes.metadata  # LangSmith's bridge knows the provider of some models only
    model = attributes.text("gen_ai.request.model", "llm.model_name", "embedding.model_name")
    model = model or by_langchain.get("ls_model_name") or answered_by
    provider = attributes.text("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
    provider = by_langchain.get("ls_provider") or provider
    reasons = attributes.take("gen_ai.response.finish_reasons", "llm.finish_reason")
    cost = attributes.take("operation.cost", "gen_ai.usage.cost", "llm.cost.total")
    parameters = {
        name: value
        for told, name in _PARAMETERS.items()
        if (value := attributes.take(f"gen_ai.request.{told}")) is not None
    }
    invocation = attributes.take("llm.invocation_parameters")
    return given(
        model=model,
        provider=provider,
        responseModel=answered_by,
        responseId=attributes.text("gen_ai.response.id"),
        finishReason=reasons[0] if isinstance(reasons, list) and reasons else reasons or None,
        parameters={**(invocation if isinstance(invocation, dict) else {}), **parameters} or None,
        usage=_usage(attributes),
        costContext=_cost(cost, provider, model),
    )


def _usage(attributes: _Attributes) -> dict[str, Any] | None:
    cache_read = attributes.take(
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "llm.token_count.prompt_details.cache_read",
    )
    cache_write = attributes.take(
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
    )
    reasoning = attributes.take(
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    )
    return usage_of(
        attributes.take("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
        attributes.take("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
        cache_read=cache_read or _by_langchain(attributes, "input_token_details", "cache_read"),
        cache_write=cache_write or _by_langchain(attributes, "input_token_details", "cache_creation"),
        reasoning=reasoning or _by_langchain(attributes, "output_token_details", "reasoning"),
    )


def _by_langchain(attributes: _Attributes, details: str, name: str) -> Any:
    """A count that LangSmith's bridge tells in metadata only."""
    found: Any = attributes.metadata.get("usage_metadata")
    for step in (details, name):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _cost(cost: Any, provider: str | None, model: str | None) -> dict[str, Any] | None:
    if not isinstance(cost, int | float):
        return None
    return given(provider=provider, model=model, estimatedCost=cost, costUnit="usd")


def _content(span_type: str, attributes: _Attributes) -> dict[str, Any]:
    """Input and output: messages in Mastra's shape where they are messages, else what was told."""
    if span_type == "agent_run":
        return _agent_content(attributes)
    if span_type in ("tool_call", "mcp_tool_call"):
        asked = attributes.take("gen_ai.tool.call.arguments", "tool_arguments", "input.value", "gen_ai.prompt")
        gave = attributes.take("gen_ai.tool.call.result", "tool_response", "output.value", "gen_ai.completion")
        return given(input=asked, output=messages.tool_output(gave))
    instructions = messages.system(attributes.take("gen_ai.system_instructions"))
    asked = attributes.take("gen_ai.input.messages") or attributes.tree("llm.input_messages") or None
    gave = attributes.take("gen_ai.output.messages") or attributes.tree("llm.output_messages") or None
    said, answered = (
        attributes.take("input.value", "gen_ai.prompt"),
        attributes.take("output.value", "gen_ai.completion"),
    )
    asked, gave = _as_messages(said if asked is None else asked), _as_messages(answered if gave is None else gave)
    if instructions and isinstance(asked, list):
        asked = [*instructions, *asked]
    return given(input=asked, output=gave)


def _agent_content(attributes: _Attributes) -> dict[str, Any]:
    all_messages = messages.messages_of(attributes.take("pydantic_ai.all_messages", "all_messages_events"))
    result = attributes.text("final_result")
    asked, gave = attributes.take("gen_ai.input.messages"), attributes.take("gen_ai.output.messages")
    said, answered = (
        attributes.take("input.value", "gen_ai.prompt"),
        attributes.take("output.value", "gen_ai.completion"),
    )
    if all_messages is not None:
        asked = messages.asked(all_messages)
    elif asked is None:
        asked = said
    if result is not None:
        gave = {"text": result}
    elif gave is None:
        gave = answered
    output = _as_messages(gave)
    return given(input=_as_messages(asked), output=output if result is not None else _with_text(output))


def _with_text(output: Any) -> Any:
    """An agent's output as Mastra's viewers read it, `{text}`, where it is messages."""
    if isinstance(output, str):
        return {"text": output}
    if isinstance(output, list) and (found := messages.messages_of(output)):
        return {"text": messages.text_of(found[-1:]), "messages": found}
    return output


def _as_messages(value: Any) -> Any:
    found = messages.messages_of(value)
    return value if found is None else found


def _error(span: ReadableSpan, attributes: _Attributes) -> dict[str, Any] | None:
    kind = attributes.text("error.type")
    if span.status.status_code is not StatusCode.ERROR:
        return None
    raised = next((event for event in reversed(span.events) if event.name == "exception"), None)
    told = {} if raised is None else dict(raised.attributes or {})
    name = told.get("exception.type") or kind
    message = told.get("exception.message") or span.status.description or name or "error"
    return plain(given(message=message, name=name, stack=told.get("exception.stacktrace")))  # type: ignore[no-any-return]


def _rest(span: ReadableSpan, attributes: _Attributes) -> dict[str, Any] | None:
    """Metadata: what the program told as such, and all that has no field."""
    events = [_event(event) for event in span.events if event.name != "exception"]
    return {**attributes.left(), **attributes.metadata, **({"events": events} if events else {})} or None


def _event(event: Event) -> dict[str, Any]:
    told = {name: plain(parsed(value)) for name, value in (event.attributes or {}).items()}
    return {"name": event.name, "time": time_of(event.timestamp).isoformat(), "attributes": told}


def _tags(attributes: _Attributes) -> list[str] | None:
    tags = attributes.take("tag.tags", "langsmith.span.tags", "logfire.tags")
    if isinstance(tags, str):
        tags = tags.split(",")
    return labels(tags) or None if isinstance(tags, list) else None


def _tool_names(definitions: Any) -> list[str] | None:
    if not isinstance(definitions, list):
        return None
    return [str(tool["name"]) for tool in definitions if isinstance(tool, dict) and "name" in tool] or None


def _scope(span: ReadableSpan) -> dict[str, Any] | None:
    scope = span.instrumentation_scope
    return None if scope is None else given(name=scope.name, version=scope.version or None)


def _link(link: Any) -> dict[str, Any]:
    context = link.context
    return given(
        traceId=format_trace_id(context.trace_id),
        spanId=format_span_id(context.span_id),
        attributes=plain(dict(link.attributes)) if link.attributes else None,
    )
