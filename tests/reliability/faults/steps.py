"""Cancels a coroutine at a point that is chosen: its n-th await that really waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from itertools import count
from types import coroutine
from typing import Any

import anyio

Work = Coroutine[Any, Any, Any]
Cancel = Callable[[Work, int], Coroutine[Any, Any, bool]]


async def by_task(work: Work, step: int) -> bool:
    """Cancels the task that runs `work` at that await; False when `work` ended before it."""

    async def run() -> bool:
        task = asyncio.current_task()
        assert task is not None
        return await _stepping(work, step, task.cancel)

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    return task.cancelled() or task.result()


async def by_scope(work: Work, step: int) -> bool:
    """The same by a cancel scope of anyio."""
    with anyio.CancelScope() as scope:
        return await _stepping(work, step, scope.cancel)
    return True


@coroutine
def _stepping(work: Work, step: int, cancel: Callable[[], Any]) -> Generator[Any, Any, bool]:
    """Runs `work` in the present task and calls `cancel` at its `step`-th await; whether there was one."""
    thrown: BaseException | None = None
    for n in count(1):
        try:
            waiting = work.send(None) if thrown is None else work.throw(thrown)
        except StopIteration:
            return n > step
        if n == step:
            cancel()
        try:
            yield waiting
        except BaseException as error:
            thrown = error
        else:
            thrown = None
    raise AssertionError
