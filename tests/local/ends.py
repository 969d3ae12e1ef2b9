"""A program that uses a store and ends: `ends.py <way> <path>`. It says "works" when it does, and may then be ended by
a signal. It closes the store only where its way says so.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from itertools import count
from typing import NamedTuple

from mastra_convex import ConvexStore
from tests.data import message

LARGE = "x" * (5 << 18)
"""More than 1 MiB: it is compressed in a thread."""


class Way(NamedTuple):
    """A way to end: by itself or by a signal, and the return code that this makes."""

    run: Callable[[ConvexStore], object]
    signal: int | None
    code: int


WAYS: dict[str, Way] = {}


def way(ended_by: int | None = None, *, code: int = 0) -> Callable[[Callable[[ConvexStore], object]], None]:
    def declare(run: Callable[[ConvexStore], object]) -> None:
        WAYS[run.__name__] = Way(run, ended_by, code)

    return declare


async def use(store: ConvexStore, times: int | None = None) -> None:
    """Has threads of every kind at work, most of the time."""
    for n in count() if times is None else range(times):
        large = store.memory.save_messages([message(2 * n, text=LARGE)])
        small = store.memory.save_messages([message(2 * n + 1)])
        await asyncio.gather(large, small, store.memory.list_messages("t1", per_page=False))
        if n == 1:
            sys.stdout.write("works\n")
            sys.stdout.flush()


def exit_when_terminated() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@way(ended_by=signal.SIGINT, code=-signal.SIGINT)
def interrupted(store: ConvexStore) -> None:
    asyncio.new_event_loop().run_until_complete(use(store))


@way(ended_by=signal.SIGINT, code=-signal.SIGINT)
def interrupted_in_run(store: ConvexStore) -> None:
    asyncio.run(use(store))


@way(ended_by=signal.SIGTERM)
def exiting(store: ConvexStore) -> None:
    exit_when_terminated()
    asyncio.new_event_loop().run_until_complete(use(store))


@way(ended_by=signal.SIGTERM)
def exiting_while_another_program_has_the_lock(store: ConvexStore) -> None:
    async def wait_for_the_lock() -> None:
        await store.init()
        other = sqlite3.connect(sys.argv[2], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.gather(use(store, 1), tell())
        other.close()

    async def tell() -> None:
        await asyncio.sleep(0.1)
        print("works", flush=True)

    exit_when_terminated()
    asyncio.new_event_loop().run_until_complete(wait_for_the_lock())


def stop_when_terminated(store: ConvexStore) -> None:
    loop = asyncio.new_event_loop()
    loop.add_signal_handler(signal.SIGTERM, loop.stop)
    task = loop.create_task(use(store))
    loop.run_forever()
    assert not task.done()


@way(ended_by=signal.SIGTERM)
def stopped(store: ConvexStore) -> None:
    stop_when_terminated(store)


@way(ended_by=signal.SIGTERM)
def stopped_and_closed_by_another_loop(store: ConvexStore) -> None:
    stop_when_terminated(store)
    asyncio.run(store.aclose())


@way()
def loop_closed_with_a_task_pending(store: ConvexStore) -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(use(store))
    loop.run_until_complete(use(store, 2))
    loop.close()
    assert not task.done()


@way()
def never_closed(store: ConvexStore) -> None:
    asyncio.run(use(store, 2))


@way(code=3)
def failing(store: ConvexStore) -> None:
    async def fail() -> None:
        await use(store, 2)
        sys.exit(3)

    async def both() -> None:
        await asyncio.gather(use(store), fail())

    asyncio.run(both())


@way()
def nested(store: ConvexStore) -> None:
    importlib.import_module("nest_asyncio").apply()
    asyncio.run(use(store, 2))


@way()
def nested_and_closed(store: ConvexStore) -> None:
    importlib.import_module("nest_asyncio").apply()
    asyncio.run(use(store, 2))
    asyncio.run(store.aclose())


@way()
def loop_in_a_daemon_thread(store: ConvexStore) -> None:
    threading.Thread(target=lambda: asyncio.run(use(store)), daemon=True).start()
    asyncio.run(use(store, 2))


@way()
def closed_at_exit(store: ConvexStore) -> None:
    atexit.register(lambda: asyncio.run(store.aclose()))
    asyncio.run(use(store, 2))


@way()
def closed_when_no_thread_can_be_started(store: ConvexStore) -> None:
    asyncio.run(use(store, 2))
    threading.stack_size(1 << 50)  # as at exit, from Python 3.12 on
    asyncio.run(store.aclose())


@way()
def forked(store: ConvexStore) -> None:
    """The other process has no threads of this one."""
    asyncio.run(use(store, 2))
    child = os.fork()
    if child == 0:
        asyncio.run(use(ConvexStore.local(":memory:"), 1))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


@way()
def forked_while_it_writes(store: ConvexStore) -> None:
    """The other process can write to the file, too."""
    asyncio.run(use(store, 2))
    many = [message(n) for n in range(10, 3_010)]
    threading.Thread(target=lambda: asyncio.run(store.memory.save_messages(many))).start()
    wait_for_a_transaction(sys.argv[2])
    child = os.fork()
    if child == 0:
        asyncio.run(ConvexStore.local(sys.argv[2]).memory.save_messages([message(4_000)]))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def wait_for_a_transaction(path: str) -> None:
    """Returns when somebody has begun to write."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return
            connection.rollback()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has programs in the background ignore it
    WAYS[sys.argv[1]].run(ConvexStore.local(sys.argv[2]))
