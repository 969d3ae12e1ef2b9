"""Bounds what a server takes from a client that has not shown the key yet. Internal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class Gate(asyncio.Protocol):
    """Stands before the protocol of a connection and passes on a number of bytes, until it is opened.

    What comes after them waits: a client may send its queries along with the key.

    Args:
        transport: the connection.
        limit: the bytes that are passed on.
        on_full: called when there are more; what was passed on has been parsed then.
    """

    def __init__(self, transport: asyncio.Transport, limit: int, on_full: Callable[[], object]) -> None:
        self._transport = transport
        self._left = limit
        self._on_full = on_full
        self._waiting = b""
        self._is_refused = False
        self._behind = cast(asyncio.Protocol, transport.get_protocol())
        transport.set_protocol(self)

    @property
    def is_full(self) -> bool:
        return bool(self._waiting)

    def open(self) -> None:
        """Passes on what waits, and steps aside."""
        if self._transport.get_protocol() is not self:
            return
        waiting, self._waiting = self._waiting, b""
        self._transport.set_protocol(self._behind)
        if waiting:
            self._transport.resume_reading()
            self._behind.data_received(waiting)

    def refuse(self) -> None:
        """Drops what waits, and whatever comes until the connection ends."""
        self._is_refused = True
        self._waiting = b""
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        passed, rest = data[: self._left], data[self._left :]
        self._left -= len(passed)
        if passed:
            self._behind.data_received(passed)
        if rest:
            self._waiting += rest
            self._transport.pause_reading()
            self._on_full()

    def eof_received(self) -> bool | None:
        return self._behind.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()
