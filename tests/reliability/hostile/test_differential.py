"""All domains at once on SQLite and on the Convex functions: any calls in any order, every answer the same."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.backends import ConvexHost
from tests.effort import effort
from tests.reliability.hostile.calls import CALLS
from tests.reliability.hostile.machine import Machine, Side, rules, run_machine, store_side
from tests.summary import Figure

EXAMPLES = effort(12, 600)
STEPS = effort(30, 100)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_sqlite_and_convex_answer_alike(host: ConvexHost, figure: Figure) -> None:
    class DifferentialMachine(Machine):
        async def sides(self, stack: AsyncExitStack) -> tuple[Side, Side]:
            return (
                await stack.enter_async_context(store_side("memory", None)),
                await stack.enter_async_context(store_side("convex-test", host.url)),
            )

        for domain in CALLS:
            locals().update(rules(domain))

    steps = run_machine(DifferentialMachine, examples=EXAMPLES, steps=STEPS)
    figure("calls answered alike by SQLite and by the Convex functions", steps)
