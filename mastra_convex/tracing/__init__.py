"""Stores the spans of agents: OpenTelemetry, OpenAI Agents and LangChain as sources, a store as the sink."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mastra_convex.tracing.installation import install
from mastra_convex.tracing.writer import SpanWriter, WriterOptions

if TYPE_CHECKING:
    from mastra_convex.tracing.langchain import LangChainTracingHandler
    from mastra_convex.tracing.openai_agents import OpenAIAgentsTracingProcessor
    from mastra_convex.tracing.otel import StoreSpanExporter, StoreSpanProcessor

__all__ = [
    "LangChainTracingHandler",
    "OpenAIAgentsTracingProcessor",
    "SpanWriter",
    "StoreSpanExporter",
    "StoreSpanProcessor",
    "WriterOptions",
    "install",
]

_MODULES = {
    "LangChainTracingHandler": "langchain",
    "OpenAIAgentsTracingProcessor": "openai_agents",
    "StoreSpanExporter": "otel",
    "StoreSpanProcessor": "otel",
}
"""The classes that need a framework, which is imported when one of them is first used."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
