"""Ends a benchmark run with the ratios to what ran beside."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session: Any = getattr(config, "_benchmarksession", None)
    for each in session.benchmarks if session else ():
        if "beside" not in each.extra_info:
            continue
        ours = each.stats.median
        line = f"{each.params['workload']:<36} {ours * 1000:9.2f} ms"
        for name, theirs in each.extra_info["beside"].items():
            line += f"   {name} {theirs * 1000:9.2f} ms, ratio {theirs / ours:6.2f}"
        terminalreporter.write_line(line)
    for line in getattr(config, "measured", ()):
        terminalreporter.write_line(line)
