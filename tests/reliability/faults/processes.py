"""Processes that do a task of a test and tell of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from tests.forkserver import FORKSERVER


@dataclass(frozen=True)
class Failure:
    traceback: str


@dataclass
class Child:
    process: BaseProcess
    connection: Connection

    def told(self) -> Any:
        """What it tells next; fails as it does."""
        told = self.connection.recv()
        assert not isinstance(told, Failure), told.traceback
        return told

    def all_told(self) -> list[Any]:
        """What it tells until it ends."""
        told: list[Any] = []
        with suppress(EOFError):
            while True:
                told.append(self.told())
        return told

    def kill(self) -> None:
        """SIGKILL, and waits for the end."""
        self.process.kill()
        self.process.join()


@contextmanager
def child(work: Callable[..., None], *arguments: Any) -> Generator[Child]:
    """Runs `work`, a function of a module, in a process; it is given the arguments and a connection to here."""
    here, there = FORKSERVER.Pipe()
    process = FORKSERVER.Process(target=_run, args=(work, *arguments, there))
    process.start()
    there.close()
    try:
        yield Child(process, here)
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()


def _run(work: Callable[..., None], *arguments: Any) -> None:
    try:
        work(*arguments)
    except Exception:
        connection: Connection = arguments[-1]
        with suppress(OSError):
            connection.send(Failure(traceback.format_exc()))
        raise
