"""The library itself needs no framework."""

from __future__ import annotations

import subprocess
import sys

FRAMEWORKS = ("agents", "claude_agent_sdk", "google.adk", "langchain_core", "langgraph", "pydantic_ai")


def test_the_library_imports_no_framework() -> None:
    lines = "import sys, mastra_convex, mastra_convex_domains, mastra_convex.adapters, mastra_convex.tracing"
    script = f"{lines}\nprint([name for name in {FRAMEWORKS} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
