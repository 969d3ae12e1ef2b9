"""Stops commands that serve when they are told to, and explains addresses that cannot be listened on."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Final

import anyio

from mastra_convex.errors import ConfigurationError

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
"""Addresses that no other machine reaches."""
_UNUSABLE: Final = {
    errno.EADDRINUSE: "is in use; take another with --port",
    errno.EADDRNOTAVAIL: "is no address of this machine",
    errno.EACCES: "may not be used without more rights",
}


def stop_signals() -> AbstractContextManager[AsyncIterator[int] | None]:
    """Receives SIGINT and SIGTERM; nothing on Windows, whose event loop has no signal handlers."""
    if sys.platform == "win32":
        return contextlib.nullcontext()
    return anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM)


def taken(host: str, port: int, error: OSError) -> ConfigurationError:
    """The error for an address that cannot be listened on."""
    reason = _UNUSABLE.get(error.errno or 0, error.strerror or str(error))
    return ConfigurationError(f"{host} port {port} {reason}")
