"""Methods of domains as operations: each call is recorded once, and errors from below get its name into their id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import wraps
from inspect import isasyncgenfunction
from typing import Any, Final, Protocol, TypeVar, cast

from mastra_convex.errors import MastraConvexError
from mastra_convex.telemetry import Operation
from mastra_convex.telemetry.signals import Attributes

MethodT = TypeVar("MethodT", bound=Callable[..., Any])
Count = Callable[[object], int | None]

WATCHES: Final = ("watch_", "follow_")
"""With these the names of methods begin that wait for changes."""

_END: Final = object()


class Domain(Protocol):
    """Holds what is recorded of the object whose method is called."""

    @property
    def name(self) -> str: ...
    @property
    def error_family(self) -> str: ...
    @property
    def database(self) -> Attributes: ...


def operation(method: MethodT, count: Count) -> MethodT:
    """Makes a method an operation. `count` tells how many rows an answer has; None for one without rows."""
    iterates = isasyncgenfunction(method) or method.__name__.startswith(WATCHES)
    wrapped = _iterating(method) if iterates else _answering(method, count)
    return cast(MethodT, wraps(method)(wrapped))


def _answering(method: Callable[..., Any], count: Count) -> Callable[..., Any]:
    name = method.__name__

    async def call(domain: Domain, /, *args: Any, **options: Any) -> Any:
        operation = Operation(name, domain.name, domain.database)
        operation.resume()
        try:
            answer = await method(domain, *args, **options)
            operation.rows = count(answer)
        except BaseException as error:
            operation.pause()
            operation.end(_named(error, domain, name))
            raise
        operation.pause()
        operation.end()
        return answer

    return call


def _iterating(method: Callable[..., AsyncGenerator[Any]]) -> Callable[..., Any]:
    """Makes an operation of an iterator. What happens between its items is its caller's, and not a failure.

    A watch, which its name tells, waits for changes: only what it takes to its first state counts as its duration.
    """
    name = method.__name__
    is_watch = name.startswith(WATCHES)

    async def iterate(domain: Domain, /, *args: Any, **options: Any) -> AsyncGenerator[Any]:
        operation = Operation(name, domain.name, domain.database)
        operation.rows = 0
        is_waiting = False
        try:
            async with aclosing(method(domain, *args, **options)) as items:
                while True:
                    operation.resume()
                    try:
                        item = await anext(items, _END)
                    finally:
                        operation.pause(was_waiting=is_watch and operation.rows > 0)
                    if item is _END:
                        break
                    operation.rows += 1
                    if is_watch:
                        operation.update()
                    is_waiting = True
                    yield item
                    is_waiting = False
        except BaseException as error:
            is_left = is_waiting and isinstance(error, GeneratorExit)
            operation.end(None if is_left else _named(error, domain, name))
            raise
        operation.end()

    return iterate


def _named(error: BaseException, domain: Domain, name: str) -> BaseException:
    """Adds the operation's name to the id of an error that has none."""
    if isinstance(error, MastraConvexError):
        error.during(f"{domain.error_family}/{name}")
    return error
