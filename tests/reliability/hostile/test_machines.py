"""Each domain against a model of it in plain Python: any calls in any order, every answer the same."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.backends import ConvexHost
from tests.effort import effort
from tests.reliability.hostile.calls import CALLS
from tests.reliability.hostile.machine import Machine, ModelSide, Side, rules, run_machine, store_side
from tests.reliability.hostile.models import MODELS
from tests.summary import Tally

EXAMPLES = {
    "memory": effort(12, 600),
    "sqlite": effort(6, 200),
    "server": effort(4, 150),
    "convex-test": effort(6, 150),
}
STEPS = effort(30, 60)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("backend", EXAMPLES)
@pytest.mark.parametrize("domain", CALLS)
def test_every_answer_is_that_of_the_model(domain: str, backend: str, host: ConvexHost, tally: Tally) -> None:
    class DomainMachine(Machine):
        async def sides(self, stack: AsyncExitStack) -> tuple[Side, Side]:
            model = ModelSide({domain: MODELS[domain]()})
            return model, await stack.enter_async_context(store_side(backend, host.url))

        locals().update(rules(domain))

    calls = run_machine(DomainMachine, examples=EXAMPLES[backend], steps=STEPS)
    tally(f"calls on {backend} that were answered as by the models", calls)
