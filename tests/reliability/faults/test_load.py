"""A thousand tasks on one store."""

from __future__ import annotations

import statistics

import pytest

from tests.effort import effort
from tests.figures import figure
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import load, serve_counting

TASKS = 1_000
SECONDS = effort(10, 60)
IN_FLIGHT = 16
"""The default of a store."""


@pytest.mark.timeout(300)
def test_a_thousand_tasks_on_one_store() -> None:
    """No call fails, the server never sees more at once than it should, and memory does not grow."""
    with child(serve_counting) as server:
        with child(load, server.told(), TASKS, SECONDS) as client:
            durations, first, last = client.told()
        server.connection.send("end")
        calls, most_in_flight = server.told()
    assert calls >= len(durations) > TASKS
    assert 1 < most_in_flight <= IN_FLIGHT
    assert last <= 1.1 * first
    percentiles = statistics.quantiles(durations, n=100)
    figure(f"load, {TASKS} tasks for {SECONDS} s, calls a second", round(len(durations) / SECONDS))
    figure(f"load, {TASKS} tasks, 50th and 99th percentile in ms", [round(percentiles[n - 1] * 1000) for n in (50, 99)])
    figure(f"load, {TASKS} tasks, calls in flight at most", most_in_flight)
    figure(f"load, {TASKS} tasks, resident MiB after a tenth and at the end", [first >> 20, last >> 20])
