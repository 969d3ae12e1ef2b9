"""Spans for the tests of traces."""

from __future__ import annotations

from typing import Any

from tests.data import at


def span(n: int, trace: str = "t1", *, parent: int | None = None, **members: Any) -> dict[str, Any]:
    """A span that began `n` seconds after the others and took a second; a root unless it has a parent."""
    return {
        "trace_id": trace,
        "span_id": f"s{n}",
        "parent_span_id": None if parent is None else f"s{parent}",
        "name": f"span {n}",
        "span_type": "agent_run" if parent is None else "tool_call",
        "started_at": at(n),
        "ended_at": at(n + 1),
        **members,
    }


def generation(n: int, trace: str = "t1", *, parent: int = 0, tokens: tuple[int, int] = (54, 5)) -> dict[str, Any]:
    """A call of a model."""
    usage = {"inputTokens": tokens[0], "outputTokens": tokens[1]}
    attributes = {"model": "test", "provider": "none", "usage": usage}
    return span(n, trace, parent=parent, span_type="model_generation", attributes=attributes)


def agent(n: int, trace: str = "t1", **members: Any) -> dict[str, Any]:
    """The root of a trace: a run of an agent."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Question {n}"}]
    names: dict[str, Any] = {"entity_type": "agent", "entity_id": "a1", "entity_name": "writer", "input": messages}
    return span(n, trace, **{**names, **members})
