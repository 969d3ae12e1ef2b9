"""A thousand tasks on one store."""

from __future__ import annotations

import statistics

import pytest

from tests.effort import effort
from tests.reliability.faults.processes import child
from tests.reliability.faults.workers import load, serve_counting
from tests.summary import Figure

TASKS = 1_000
ROUNDS = effort(3, 50)
IN_FLIGHT = 16
"""The default of a store."""


@pytest.mark.long
def test_a_thousand_tasks_on_one_store(figure: Figure) -> None:
    """No call fails, the server never sees more at once than it should, and memory does not grow."""
    with child(serve_counting) as server:
        with child(load, server.told(), TASKS, ROUNDS) as client:
            durations, seconds, memory = client.told()
        server.connection.send("end")
        calls, most_in_flight = server.told()
    assert calls >= len(durations) == 4 * ROUNDS * TASKS
    assert 1 < most_in_flight <= IN_FLIGHT
    assert memory[-1] <= 1.1 * memory[0]
    percentiles = statistics.quantiles(durations, n=100)
    figure(f"load, {TASKS} tasks for {seconds:.1f} s, calls a second", round(len(durations) / seconds))
    figure(f"load, {TASKS} tasks, 50th and 99th percentile in ms", [round(percentiles[n - 1] * 1000) for n in (50, 99)])
    figure(f"load, {TASKS} tasks, calls in flight at most", most_in_flight)
    figure(f"load, {TASKS} tasks, resident MiB after each round", [size >> 20 for size in memory])
