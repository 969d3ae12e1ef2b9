"""Describes the spans that are written: a mapping with the fields of Mastra's span. Internal."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final

SpanFields = dict[str, Any]
"""The fields of a span for `store.observability`, in snake_case."""

CONTENT: Final = ("input", "output", "metadata")
"""The fields that hold what users, models and tools say; attributes and errors hold some of it, too."""

TOLD_BY_ATTRIBUTES: Final = (
    "model",
    "provider",
    "responseModel",
    "responseId",
    "usage",
    "costContext",
    "finishReason",
    "streaming",
    "toolType",
    "toolCallId",
    "mcpServer",
    "triggered",
    "stepIndex",
    "dimensions",
)
"""The attributes that are kept where content is left out."""

IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "thread_id": ("threadId",),
    "session_id": ("sessionId",),
    "user_id": ("userId",),
    "resource_id": ("resourceId",),
    "run_id": ("runId",),
    "organization_id": ("organizationId",),
    "request_id": ("requestId",),
    "environment": (),
}
"""The fields that a program can set by metadata of the same name, in either spelling."""

_STEPS: Final = ("seq:step:", "graph:step:", "map:key:")
"""The beginnings of tags that LangChain gives by itself."""

SpanKey = tuple[Hashable, Hashable]
"""Identifies a span by its trace's id and its own, as its framework has them."""

Convert = Callable[[Any], SpanFields | None]
"""Makes the fields of what a framework handed over; None for what is no span."""


def ids_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Returns the fields that metadata set."""
    found: dict[str, str] = {}
    for field, others in IDS.items():
        value = next((metadata[name] for name in (field, *others) if metadata.get(name)), None)
        if isinstance(value, str | int) and not isinstance(value, bool):
            found[field] = str(value)
    return found


def usage_of(
    input_tokens: Any = None,
    output_tokens: Any = None,
    *,
    cache_read: Any = None,
    cache_write: Any = None,
    reasoning: Any = None,
) -> dict[str, Any] | None:
    """Returns Mastra's usage of counts; None when there is none. What is no count is left out."""
    usage = _counts(inputTokens=input_tokens, outputTokens=output_tokens)
    if details := _counts(cacheRead=cache_read, cacheWrite=cache_write):
        usage["inputDetails"] = details
    if details := _counts(reasoning=reasoning):
        usage["outputDetails"] = details
    return usage or None


def labels(tags: Iterable[Any]) -> list[str]:
    """Returns the tags that a program gave, without those that LangChain gives to the steps of each run."""
    return [label for tag in tags if (label := str(tag).strip()) and not label.startswith(_STEPS)]


def given(**fields: Any) -> dict[str, Any]:
    """Returns the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def _counts(**counts: Any) -> dict[str, Any]:
    return {name: int(count) for name, count in counts.items() if isinstance(count, int | float) and count >= 0}
