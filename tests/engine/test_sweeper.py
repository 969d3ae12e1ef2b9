"""The sweep in the background, and its end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mastra_convex.engine.sweeper import Sweeper


class Sweep:
    """A sweep that takes for ever, and, when it is cancelled, until `go_on` is set."""

    def __init__(self) -> None:
        self.begun, self.cancelled, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.ended = False

    async def step(self) -> tuple[int, bool]:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
            await self.go_on.wait()
            self.ended = True
        return 0, True


async def test_no_sweep_begins_after_closing() -> None:
    sweep = Sweep()
    sweeper = Sweeper(sweep.step, first_commits=1)
    tasks = asyncio.all_tasks()
    await sweeper.aclose()
    sweeper.after_commit()
    assert asyncio.all_tasks() == tasks


async def test_closing_that_was_cancelled_is_repeated() -> None:
    sweep = Sweep()
    sweeper = Sweeper(sweep.step, first_commits=1)
    sweeper.after_commit()
    await sweep.begun.wait()
    closing = asyncio.create_task(sweeper.aclose())
    await sweep.cancelled.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    again = asyncio.create_task(sweeper.aclose())
    await asyncio.sleep(0)
    assert not again.done()
    sweep.go_on.set()
    await again
    assert sweep.ended
    await sweeper.aclose()


async def test_closing_ends_the_sweep_of_another_loop() -> None:
    begun = threading.Event()
    ended: list[str] = []

    async def step() -> tuple[int, bool]:
        begun.set()
        await asyncio.Event().wait()
        return 0, True

    async def commit() -> None:
        sweeper.after_commit()
        [sweep] = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait([sweep])
        ended.append(sweep.get_name())

    sweeper = Sweeper(step, first_commits=1)
    other = threading.Thread(target=lambda: asyncio.run(commit()), daemon=True)
    other.start()
    assert begun.wait(5)
    await sweeper.aclose()
    await asyncio.to_thread(other.join, 5)
    assert ended == ["mastra_convex sweep"]
