"""Ends a benchmark run with the ratios to what ran beside."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session: Any = getattr(config, "_benchmarksession", None)
    for each in session.benchmarks if session else ():
        theirs, ours = each.extra_info.get("beside_median"), each.stats.median
        if theirs is not None:
            terminalreporter.write_line(
                f"{each.params['workload']:<18} {ours * 1000:8.2f} ms   {each.extra_info['beside']}"
                f" {theirs * 1000:8.2f} ms   ratio {theirs / ours:.2f}"
            )
