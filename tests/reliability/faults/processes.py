"""Processes that start in milliseconds: forks of one that has done the imports."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", "mastra_convex.cli", "mastra_convex_domains", "tests.backends"])


@dataclass
class Child:
    process: BaseProcess
    connection: Connection

    def told(self) -> list[Any]:
        """What it has still told after it ended."""
        told: list[Any] = []
        try:
            while True:
                told.append(self.connection.recv())
        except EOFError:
            return told

    def kill(self) -> None:
        """SIGKILL, and waits for the end."""
        self.process.kill()
        self.process.join()


@contextmanager
def child(work: Callable[..., None], *arguments: Any) -> Generator[Child]:
    """Runs `work`, a function of a module, in a process; it is given the arguments and a connection to here."""
    here, there = _context.Pipe()
    process = _context.Process(target=work, args=(*arguments, there))
    process.start()
    there.close()
    try:
        yield Child(process, here)
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()
