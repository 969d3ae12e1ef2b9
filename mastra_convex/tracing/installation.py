"""Switches tracing on for a whole program, in one line."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from importlib import metadata
from typing import Any, Final, Unpack

from mastra_convex.errors import ConfigurationError
from mastra_convex.tracing.target import Target
from mastra_convex.tracing.writer import SpanWriter, WriterOptions

__all__ = ["install"]

_log: Final = logging.getLogger("mastra_convex.tracing")

_installed: list[tuple[object, SpanWriter]] = []
"""The arguments of the first call and its writer; empty before."""


def install(
    target: Target = None, *, frameworks: Iterable[str] | None = None, **options: Unpack[WriterOptions]
) -> SpanWriter:
    """Stores what the agents of this program do: of every framework that is installed, or of those that are named.

    OpenTelemetry's spans are taken from the global provider, which is made if the program has none. When the program
    has no handler for SIGTERM, the signal ends it as `sys.exit` does, so that what waits is stored. A second call with
    the same arguments changes nothing.

    Args:
        target: path of a SQLite file, arguments of `ConvexStore` as a mapping, a function that makes a store, or None
            for the deployment of CONVEX_URL.
        frameworks: packages whose agents are traced: "opentelemetry-sdk" (and what reports to it), "pydantic-ai-slim",
            "openai-agents", "langchain-core". Without it, those of them that are installed, which are imported.
        options: the optional arguments of `SpanWriter`.

    Returns:
        The writer, to `flush`, and to see what was `dropped`.

    Raises:
        ConfigurationError: an argument is wrong, or tracing was installed with others.

    Example:
        from mastra_convex import tracing

        writer = tracing.install("agent.db")
    """
    wanted = None if frameworks is None else list(frameworks)
    if unknown := [name for name in wanted or () if name not in _FRAMEWORKS]:
        raise ConfigurationError(f"frameworks are {', '.join(_FRAMEWORKS)}, not {', '.join(unknown)}")
    arguments = (target, wanted, options)
    if _installed:
        if _installed[0][0] != arguments:
            raise ConfigurationError("tracing is installed with other arguments, and stays for the whole program")
        return _installed[0][1]
    writer = SpanWriter(target, **options)
    for name in wanted if wanted is not None else [name for name in _FRAMEWORKS if _is_there(name)]:
        try:
            _FRAMEWORKS[name](writer, options)
        except Exception as error:
            if wanted is not None:
                raise ConfigurationError(f"{name} cannot be traced: {error}") from error
            _log.warning("%s is not traced: %s", name, error)
    _end_orderly()
    _installed.append((arguments, writer))
    return writer


def _opentelemetry(writer: SpanWriter, options: WriterOptions) -> None:
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider  # noqa: PLC0415

    from mastra_convex.tracing.otel import StoreSpanProcessor  # noqa: PLC0415

    provider: Any = trace.get_tracer_provider()
    if not hasattr(provider, "add_span_processor"):
        # The limit of 128 attributes would push out the first ones of a span with many messages.
        provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=SpanLimits.UNSET))
        trace.set_tracer_provider(provider)
    provider.add_span_processor(StoreSpanProcessor(writer))


def _pydantic_ai(writer: SpanWriter, options: WriterOptions) -> None:
    from pydantic_ai import Agent  # noqa: PLC0415
    from pydantic_ai.models.instrumented import InstrumentationSettings  # noqa: PLC0415

    Agent.instrument_all(InstrumentationSettings(include_content=options.get("content") is not False))


def _openai_agents(writer: SpanWriter, options: WriterOptions) -> None:
    from agents import add_trace_processor  # noqa: PLC0415

    from mastra_convex.tracing.openai_agents import OpenAIAgentsTracingProcessor  # noqa: PLC0415

    add_trace_processor(OpenAIAgentsTracingProcessor(writer))


def _langchain(writer: SpanWriter, options: WriterOptions) -> None:
    from langchain_core.tracers.context import register_configure_hook  # noqa: PLC0415

    from mastra_convex.tracing.langchain import LangChainTracingHandler  # noqa: PLC0415

    handler: ContextVar[Any] = ContextVar("mastra_convex.tracing", default=LangChainTracingHandler(writer))  # noqa: B039
    register_configure_hook(handler, inheritable=True)


_FRAMEWORKS: Final[dict[str, Callable[[SpanWriter, WriterOptions], None]]] = {
    "opentelemetry-sdk": _opentelemetry,
    "pydantic-ai-slim": _pydantic_ai,
    "openai-agents": _openai_agents,
    "langchain-core": _langchain,
}


def _is_there(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _end_orderly() -> None:
    """Has SIGTERM end the program with its `finally` and `atexit`, unless the program has decided otherwise."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
