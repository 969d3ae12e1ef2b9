"""A program that makes spans and ends: `python -m tests.tracing.program TARGET COUNT HOW`; TARGET is JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from typing import Any

from opentelemetry import trace

from mastra_convex import tracing


def make_spans(count: int) -> None:
    """Makes traces of 50 spans each."""
    tracer = trace.get_tracer("program")
    for _ in range(count // 50):
        with tracer.start_as_current_span("invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent"}):
            for _ in range(49):
                with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as span:
                    span.set_attribute("gen_ai.usage.input_tokens", 3)


async def work(count: int, how: str) -> None:
    make_spans(count)
    if how == "sigterm":
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)
    if how == "exception":
        raise RuntimeError("the program fails")


def in_fork(count: int) -> None:
    """Makes spans on both sides of a fork."""
    make_spans(count // 2)
    child = os.fork()
    if child == 0:
        make_spans(count // 2)
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0


def main(target: Any, count: int, how: str) -> None:
    logging.basicConfig(level=logging.WARNING)  # or nobody sees what the writer says about spans that it drops
    writer = tracing.install(target, frameworks=["opentelemetry-sdk"])
    assert tracing.install(target, frameworks=["opentelemetry-sdk"]) is writer
    if how == "fork":
        in_fork(count)
    else:
        asyncio.run(work(count, how))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
