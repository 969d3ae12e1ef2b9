"""What a span costs the agent: `python -m tests.benchmarks.tracing`.

Times of `on_start` and `on_end`, with a SQLite file and with a server that takes connections and never answers.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from mastra_convex.tracing import StoreSpanProcessor
from mastra_convex.tracing.target import Target

_SPANS: Final = 3_000
_BURST: Final = 20
"""Spans between two pauses."""

_PAUSE: Final = 0.01
"""Seconds in which an agent would wait for its model."""


class _Timed(SpanProcessor):
    """Times another processor."""

    def __init__(self, timed: SpanProcessor) -> None:
        self._timed = timed
        self.microseconds: list[float] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        began = time.perf_counter()
        self._timed.on_start(span, parent_context)
        self.microseconds.append((time.perf_counter() - began) * 1e6)

    def on_end(self, span: ReadableSpan) -> None:
        began = time.perf_counter()
        self._timed.on_end(span)
        self.microseconds.append((time.perf_counter() - began) * 1e6)


def measure(name: str, target: Target) -> None:
    """Prints the times of the calls."""
    processor = StoreSpanProcessor(target, exit_timeout=1)
    timed = _Timed(processor)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(timed)
    tracer = provider.get_tracer("benchmark")
    attributes: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "x" * 1_000}
    for _ in range(_SPANS // _BURST):
        for _ in range(_BURST):
            with tracer.start_as_current_span("chat", attributes=attributes):
                pass
        time.sleep(_PAUSE)
    times = sorted(timed.microseconds)
    print(
        f"{name}: median {statistics.median(times):.1f} us a call, 99 % below {times[len(times) * 99 // 100]:.0f} us,"
        f" longest {times[-1]:.0f} us; flushed: {processor.force_flush(20_000 if name == 'file' else 100)}"
    )
    processor.shutdown()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure("file", Path(folder) / "agent.db")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        measure("server that hangs", {"deployment_url": url, "admin_auth_token": "key|secret"})


if __name__ == "__main__":
    main()
