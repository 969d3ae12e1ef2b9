"""Every method of every domain with one argument, or one member of an argument, replaced by anything at all: an answer
or our error, the same on every backend.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex import ConvexStore
from mastra_convex.domain import DomainStore
from mastra_convex.registry import registered_domains
from tests.effort import effort
from tests.reliability.hostile.arguments import CALLS, NO_CALLS, WITHOUT_ARGUMENTS, Arguments
from tests.reliability.hostile.conftest import Stores
from tests.reliability.hostile.outcomes import Renamed, exact, outcome
from tests.reliability.hostile.strategies import AWARE, HOSTILE, HOSTILE_NUMBERS, NAIVE

ANYTHING = (
    HOSTILE
    | HOSTILE_NUMBERS
    | AWARE
    | NAIVE
    | st.sampled_from(["t", "u", "m", "created_at", "-updated_at", ["t", "t"], ["m", 1], [None], [[]], [{}], {}, False])
)
ATTEMPTS = st.sampled_from(sorted(CALLS.keys() - WITHOUT_ARGUMENTS)).flatmap(
    lambda call: st.tuples(st.just(call), st.sampled_from(places(call)), ANYTHING)
)


def places(call: str) -> list[tuple[Any, ...]]:
    """Where a value goes in the arguments of a call: every parameter, and every member of one that is given."""
    found: list[tuple[Any, ...]] = [(name,) for name in parameters(call)]
    for name, value in CALLS[call].items():
        found += inside((name,), value)
    return found


def inside(place: tuple[Any, ...], value: Any) -> list[tuple[Any, ...]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [each for key in keys for each in ((*place, key), *inside((*place, key), value[key]))]


def parameters(call: str) -> list[str]:
    domain, method = call.split(".")
    return list(inspect.signature(getattr(registered_domains()[domain], method)).parameters)[1:]


def replaced(value: Any, place: tuple[Any, ...], anything: Any) -> Any:
    if not place:
        return anything
    changed = value.copy() if isinstance(value, dict | list) else {}
    changed[place[0]] = replaced(
        value.get(place[0]) if isinstance(value, dict) else value[place[0]], place[1:], anything
    )
    return changed


async def called(store: ConvexStore, call: str, arguments: Arguments) -> Any:
    domain, method = call.split(".")
    answer = getattr(store.domain(registered_domains()[domain]), method)(**arguments)
    return [item async for item in answer] if isinstance(answer, AsyncIterator) else await answer


def test_no_method_is_left_out() -> None:
    of_all = {name for name in vars(DomainStore) if not name.startswith("_")}
    methods = {
        f"{name}.{method}"
        for name, domain in registered_domains().items()
        for method, member in inspect.getmembers(domain, callable)
        if not method.startswith("_") and method not in of_all
    }
    waiting = {name for name in methods if name.split(".")[1].startswith(("watch_", "follow_", "wait_"))}
    assert methods - NO_CALLS - waiting == CALLS.keys()


async def test_the_calls_are_right_as_they_stand(stores: Stores) -> None:
    for store in stores.values():
        for call, arguments in CALLS.items():
            if "gone" not in str(arguments):
                await called(store, call, arguments)


@given(attempts=st.lists(ATTEMPTS, min_size=1, max_size=30))
@settings(max_examples=effort(100, 2_000))
async def test_any_argument_is_taken_or_refused(
    stores: Stores, attempts: list[tuple[str, tuple[Any, ...], Any]]
) -> None:
    names = {name: Renamed() for name in stores}
    for call, place, anything in attempts:
        arguments = replaced(CALLS[call], place, anything)
        found = {name: names[name](await outcome(called(store, call, arguments))) for name, store in stores.items()}
        expected = exact(found["memory"])
        assert all(exact(each) == expected for each in found.values()), (call, arguments, found)
