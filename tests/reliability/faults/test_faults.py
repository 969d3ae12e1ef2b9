"""Every operation and every fault, on both remote backends: the right answer or error, and writes exactly once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.errors import MastraConvexError, RequestTimeoutError
from tests.clock import advance
from tests.effort import effort
from tests.reliability.faults.conftest import PATIENCE, Remote
from tests.reliability.faults.faults import FAULTS, LATE, TRICKLE, Fault
from tests.reliability.faults.operations import (
    OPERATIONS,
    WRITES,
    Operation,
    expected,
    perform,
    receipts,
    seed,
    space,
    state,
)
from tests.reliability.faults.proxy import Exchange


async def each(operations: Sequence[Operation], check: Callable[[Operation], Awaitable[None]]) -> None:
    """One after another, as the time that passes for one passes for all."""
    for operation in operations:
        try:
            await check(operation)
        except BaseException as error:
            error.add_note(f"operation: {operation}")
            raise


def lasting(fault: Fault) -> Callable[[Exchange], Awaitable[None]]:
    """The fault, and a tenth of the deadline."""

    async def act(exchange: Exchange) -> None:
        await fault.act(exchange)
        advance(PATIENCE / 10)

    return act


@pytest.mark.parametrize("fault", [*FAULTS, LATE], ids=str)
async def test_a_fault_that_passes(remote: Remote, fault: Fault) -> None:
    """The caller does not notice, and what was asked for has happened once."""

    async def check(operation: Operation) -> None:
        name = space()
        answer, _, after = await expected(operation, name)
        await seed(remote.direct, name)
        request = await operation.make(remote.direct, name)
        async with remote.proxied() as (engine, proxy):
            proxy.queue(fault.act)
            if fault.silent and operation.name == "search":  # an action may take long: its silence is no fault
                with pytest.raises(RequestTimeoutError):
                    await perform(engine, request)
            else:
                assert await perform(engine, request) == answer
                assert proxy.requests == fault.once
            assert await perform(engine, request) == answer  # a repeat of a commit has its first answer
        assert await state(remote.direct, name) == after
        assert await receipts(remote.direct, request) == (operation in WRITES)

    await each(OPERATIONS, check)


@pytest.mark.parametrize("fault", [*FAULTS, TRICKLE], ids=str)
async def test_a_fault_that_stays(remote: Remote, fault: Fault) -> None:
    """The error says what happened; the write has happened once or not at all, and can be repeated."""

    async def check(operation: Operation) -> None:
        name = space()
        answer, before, after = await expected(operation, name)
        await seed(remote.direct, name)
        request = await operation.make(remote.direct, name)
        async with remote.proxied() as (engine, proxy):
            refused = fault.lasts and not fault.silent
            proxy.usual = lasting(fault) if refused else fault.act
            if fault.always is None:
                assert await perform(engine, request) == answer
            else:
                with pytest.raises(MastraConvexError) as caught:
                    await perform(engine, request)
                assert type(caught.value) is fault.always
                assert caught.value.retryable
                assert proxy.requests > 5 if refused else proxy.requests == 5 or fault.silent
        assert await state(remote.direct, name) == (after if fault.applied else before)
        assert await perform(remote.direct, request) == answer
        assert await state(remote.direct, name) == after
        assert await receipts(remote.direct, request) == (operation in WRITES)

    await each(OPERATIONS, check)


QUICK = [fault for fault in FAULTS if not fault.silent]
SEQUENCES = effort(20, 3_000)


@settings(max_examples=SEQUENCES)
@given(operation=st.sampled_from(OPERATIONS), faults=st.lists(st.sampled_from(QUICK), max_size=4))
async def test_any_faults_one_after_another(remote: Remote, operation: Operation, faults: list[Fault]) -> None:
    """Up to four in a row, which five attempts survive."""
    name = space()
    answer, _, after = await expected(operation, name)
    await seed(remote.direct, name)
    request = await operation.make(remote.direct, name)
    async with remote.proxied() as (engine, proxy):
        proxy.queue(*(fault.act for fault in faults))
        assert await perform(engine, request) == answer
    assert await state(remote.direct, name) == after
    assert await receipts(remote.direct, request) == (operation in WRITES)
