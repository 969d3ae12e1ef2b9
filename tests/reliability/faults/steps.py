"""Cancels a coroutine at a point that is chosen: its n-th await that really waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from itertools import count
from types import coroutine
from typing import Any, TypeVar

import anyio

T = TypeVar("T")
Cancel = Callable[[Coroutine[Any, Any, T], int], Coroutine[Any, Any, bool]]


async def by_task(work: Coroutine[Any, Any, Any], step: int) -> bool:
    """Cancels the task that runs `work` at that await; False when `work` ended before it."""

    async def run() -> bool:
        task = asyncio.current_task()
        assert task is not None
        return await _stepping(work, step, task.cancel)

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    return task.cancelled() or task.result()


async def by_scope(work: Coroutine[Any, Any, Any], step: int) -> bool:
    """The same by a cancel scope of anyio."""
    with anyio.CancelScope() as scope:
        return await _stepping(work, step, scope.cancel)
    return True


@coroutine
def _stepping(work: Coroutine[Any, Any, Any], step: int, cancel: Callable[[], Any]) -> Generator[Any, Any, bool]:
    """Runs `work` in the present task and calls `cancel` at its `step`-th await; whether there was one."""
    resume: Callable[[], Any] = lambda: work.send(None)
    for n in count(1):
        try:
            waiting = resume()
        except StopIteration:
            return n > step
        if n == step:
            cancel()
        try:
            yield waiting
        except BaseException as error:
            resume = _throwing(work, error)
        else:
            resume = lambda: work.send(None)
    raise AssertionError


def _throwing(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)
