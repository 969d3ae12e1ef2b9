"""What a run says at its end: contract tests passed per backend, and figures, which docs/reliability.md quotes.

All of it travels as properties of test reports, so that what several processes of a run found comes together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.backends import BACKENDS

RecordProperty = Callable[[str, object], None]
Figure = Callable[[str, object], None]
Tally = Callable[[str, int], None]


class Summary:
    """Collects from the reports of tests that passed."""

    def __init__(self) -> None:
        self._passed: Counter[str] = Counter()
        self._figures: dict[str, str | int] = {}
        self._costs: list[str] = []

    def add(self, report: pytest.TestReport) -> None:
        for property in report.user_properties:
            match property:
                case "backend", str() as backend:
                    self._passed[backend] += 1
                case "figure", (str() as name, str() as value):
                    self._figures[name] = value
                case "figure", (str() as name, int() as count):
                    earlier = self._figures.get(name)
                    self._figures[name] = count + (earlier if isinstance(earlier, int) else 0)
                case "cost", str() as cost:
                    self._costs.append(f"{report.nodeid.rpartition('::')[2].removeprefix('test_')}: {cost}")
                case _:
                    pass

    def missing(self) -> list[str]:
        """Backends on which no contract test passed."""
        return [name for name in BACKENDS if not self._passed[name]]

    def lines(self) -> list[str]:
        counts = ", ".join(f"{name} {self._passed[name]}" for name in BACKENDS)
        figures = [f"{name}: {value}" for name, value in self._figures.items()]
        return [f"contract tests passed per backend: {counts}", *figures]

    def costs(self) -> list[str]:
        """The figures of every measurement of `tests/cost`."""
        return self._costs
