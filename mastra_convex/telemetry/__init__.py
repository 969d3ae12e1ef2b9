"""Reports operations and HTTP requests: in a log, and as OpenTelemetry's spans and metrics where its API is installed.

Nothing that is told contains a value or key of a row, or an admin key.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from functools import cache
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from mastra_convex.errors import MastraConvexError, ServerError, TransportError
from mastra_convex.telemetry.signals import Attributes, Signals, Silence, Value

__all__ = ["SLOW", "Attempt", "Attributes", "Operation", "database", "reconnected", "untold"]

SLOW: Final = 5.0
"""Seconds from which on an operation is logged as slow."""

_log = logging.getLogger("mastra_convex.operations")


def _signals() -> Signals:
    try:
        from mastra_convex.telemetry.otel import OpenTelemetry  # noqa: PLC0415  # the extra `otel`

        return OpenTelemetry()
    except (ImportError, TypeError):  # it is not installed, or older than the extra asks for
        return Silence()


_told: Final = _signals()
_current: ContextVar[Operation | None] = ContextVar("mastra_convex.operation", default=None)


def database(system: Literal["convex", "sqlite"], url: str | None = None) -> Attributes:
    """Returns the attributes that describe the database of an engine."""
    return {"db.system.name": system, **({} if url is None else _server(url))}


def untold() -> AbstractContextManager[None]:
    """Has no span begin in this context: for what writes spans, whose own ones would be written without end."""
    return _told.untold()


def reconnected(deployment_url: str) -> None:
    """Counts a lost connection of live queries."""
    _told.reconnect(database("convex", deployment_url))


class Operation:
    """A call of a method of a domain, from its beginning to its end.

    Its work is done between `resume` and `pause`: all of it, or, of an iterator, what fetches the next item. Only that
    counts as its duration, and only there is it the parent of other spans, and are HTTP requests its own: what happens
    else is its caller's.
    """

    _token: Token[Operation | None]
    _detach: Callable[[], object]

    def __init__(self, name: str, domain: str, database: Attributes) -> None:
        self._name = f"{domain}.{name}"
        self._attributes = {**database, "db.operation.name": name, "db.collection.name": domain}
        self._span = _told.span(f"{name} {domain}", self._attributes)
        self._seconds = 0.0
        self._began = 0.0
        self.requests: int = 0
        self.retries: int = 0
        self.rows: int | None = None

    def resume(self) -> None:
        """Begins work of the operation, or goes on with it."""
        self._token = _current.set(self)
        self._detach = self._span.attach()
        self._began = time.perf_counter()

    def pause(self, *, was_waiting: bool = False) -> None:
        """Ends the work of the operation, or leaves it for a while; waiting for a change was no work."""
        self._seconds += 0.0 if was_waiting else time.perf_counter() - self._began
        try:
            _current.reset(self._token)
            self._detach()
        except ValueError:  # a coroutine that is thrown away may end in another context than its own
            pass

    def update(self) -> None:
        """Counts a state that a watch gave."""
        _told.update(self._attributes)

    def end(self, error: BaseException | None = None) -> None:
        """Records the call, failed if there is an error."""
        failure: dict[str, Value] = {} if error is None else {"error.type": type(error).__name__}
        if isinstance(error, ServerError) and error.code is not None:
            failure["db.response.status_code"] = error.code
        if self.rows is not None:
            self._span.set("db.response.returned_rows", self.rows)
        self._span.end(failure, error.id if isinstance(error, MastraConvexError) else None)
        _told.duration(self._seconds, {**self._attributes, **failure} if failure else self._attributes)
        self._write(error)

    def _write(self, error: BaseException | None) -> None:
        if isinstance(error, ServerError | TransportError):
            level = logging.WARNING
        else:
            level = logging.INFO if self._seconds >= SLOW else logging.DEBUG
        if _log.isEnabledFor(level):
            _log.log(
                level,
                "%s: %s after %.1f ms, %d requests (%d repeated)",
                self._name,
                _outcome(error),
                self._seconds * 1000,
                self.requests,
                self.retries,
            )


class Attempt:
    """One HTTP request. `number` counts from 1 within a call; `after` is the failure that led to a repetition."""

    __slots__ = ("_error", "_span")

    def __init__(self, deployment_url: str, endpoint: str, number: int, after: str | None) -> None:
        attributes: dict[str, Value] = {
            "http.request.method": "POST",
            "url.full": deployment_url + endpoint,
            "url.template": endpoint,
            **_server(deployment_url),
        }
        operation = _current.get()
        if operation is not None:
            operation.requests += 1
        if after is not None:
            attributes["http.request.resend_count"] = number - 1
            _told.retry({**database("convex", deployment_url), "error.type": after})
            if operation is not None:
                operation.retries += 1
        self._span = _told.span(f"POST {endpoint}", attributes)
        self._error: str | None = None

    def answered(self, status: int | None, error: str | None) -> None:
        """The HTTP status, None when no answer came, and what went wrong."""
        if status is not None:
            self._span.set("http.response.status_code", status)
        self._error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        failure = self._error if error is None else type(error).__name__
        self._span.end({} if failure is None else {"error.type": failure})


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "done"
    return f"{type(error).__name__} {error.id}" if isinstance(error, MastraConvexError) else type(error).__name__


@cache
def _server(url: str) -> Attributes:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
