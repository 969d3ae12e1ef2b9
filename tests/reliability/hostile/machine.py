"""State machines that make calls at random on two sides and hold each answer of one against that of the other."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from mastra_convex import ConvexStore
from mastra_convex.registry import registered_domains
from tests.backends import Backend, ConvexHost, open_backend
from tests.reliability.hostile.calls import CALLS, FIRST, Arguments
from tests.reliability.hostile.outcomes import Renamed, exact, outcome, plain

_DIGITS = 9
"""Of scores; backends add up in different orders."""

_STORING = {
    "save_thread",
    "save_messages",
    "persist_workflow_snapshot",
    "save_score",
    "set_state",
    "put_many",
    "create_index",
    "upsert",
}
_WEIGHT = 2


class Side:
    """One of the two: runs calls, and answers in a form that both sides share."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._renamed = Renamed()

    async def call(self, domain: str, method: str, arguments: Mapping[str, Any]) -> Any:
        return exact(self._renamed(_shared(await outcome(self.run(domain, method, arguments)))))

    async def run(self, domain: str, method: str, arguments: Mapping[str, Any]) -> Any:
        raise NotImplementedError


class ModelSide(Side):
    """Domains in plain Python."""

    def __init__(self, models: Mapping[str, Any]) -> None:
        super().__init__("model")
        self._models = models

    async def run(self, domain: str, method: str, arguments: Mapping[str, Any]) -> Any:
        return getattr(self._models[domain], method)(**plain(arguments))


class StoreSide(Side):
    """Two stores on one backend, which take turns: neither may rely on what it alone has seen."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend.name)
        self._stores = [backend.store(), backend.store()]

    async def run(self, domain: str, method: str, arguments: Mapping[str, Any]) -> Any:
        self._stores.reverse()
        return await getattr(self._domain(self._stores[0], domain), method)(**arguments)

    @staticmethod
    def _domain(store: ConvexStore, name: str) -> Any:
        return store.domain(registered_domains()[name])


@asynccontextmanager
async def store_side(name: str, url: str | None) -> AsyncIterator[StoreSide]:
    """A backend of this event loop; `url` is that of the Node host."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host = None if url is None else ConvexHost(url)
        yield StoreSide(await stack.enter_async_context(open_backend(name, directory, host)))


class Machine(RuleBasedStateMachine):
    """Base of the machines; `sides` opens both. A failure prints the calls so far, to be run as they stand."""

    steps: ClassVar[int] = 0
    """Calls that were made, in all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[str] = []
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._sides = self._runner.run(self.sides(self._stack))

    async def sides(self, stack: AsyncExitStack) -> tuple[Side, Side]:
        raise NotImplementedError

    def step(self, domain: str, method: str, arguments: dict[str, Any]) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        self.script.append(f"await store.{domain}.{method}({given})")
        expected, found = self._runner.run(self._both(domain, method, arguments))
        if expected != found:
            one, other = self._sides
            lines = [*self.script, f"# {one.name}: {expected}", f"# {other.name}: {found}"]
            raise AssertionError("the sides differ after\n" + "\n".join(lines))

    async def _both(self, domain: str, method: str, arguments: dict[str, Any]) -> tuple[Any, Any]:
        one, other = self._sides
        return await one.call(domain, method, arguments), await other.call(domain, method, arguments)

    def teardown(self) -> None:
        type(self).steps += len(self.script)
        self._runner.run(self._stack.aclose())
        self._runner.close()


def rules(domain: str) -> dict[str, Any]:
    """Rules for each method of a domain, several for those that put something there, and one that begins with some
    records.
    """
    methods, arguments = zip(*FIRST[domain], strict=True)

    def begin(self: Machine, arguments: tuple[dict[str, Any], ...]) -> None:
        for method, each in zip(methods, arguments, strict=True):
            self.step(domain, method, each)

    return {f"{domain}_begin": initialize(arguments=st.tuples(*arguments))(begin)} | {
        f"{domain}_{method}_{n}": _rule(domain, method, arguments)
        for method, arguments in CALLS[domain].items()
        for n in range(_WEIGHT if method in _STORING else 1)
    }


def _rule(domain: str, method: str, arguments: Arguments) -> Any:
    def make(self: Machine, arguments: dict[str, Any]) -> None:
        self.step(domain, method, arguments)

    make.__name__ = f"{domain}_{method}"
    return rule(arguments=arguments)(make)


def run_machine(machine: type[Machine], *, examples: int, steps: int) -> int:
    """Runs a machine so many times, for so many steps each, the same ones every time in CI; the calls it made."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, phases=[Phase.generate, Phase.shrink], print_blob=False
        ),
    )
    return machine.steps


def _shared(value: Any) -> Any:
    """Scores to so many digits; cursors, which are each backend's own, as the fact that there is one."""
    if isinstance(value, dict):
        return {key: _member(key, item) for key, item in value.items()}
    return [_shared(item) for item in value] if isinstance(value, list) else value


def _member(key: str, value: Any) -> Any:
    if key == "score" and isinstance(value, float):
        return plain(round(value, _DIGITS))
    if key == "cursor" and isinstance(value, str):
        return "(cursor)"
    return _shared(value)
