"""Defines the interface of a telemetry backend, and one that reports nothing. Internal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Value = str | int
Attributes = Mapping[str, Value]


class Span(Protocol):
    """A span that has begun."""

    def attach(self) -> Callable[[], object]:
        """Makes it the parent of spans that begin in this context; returns what ends that."""
        ...

    def set(self, name: str, value: Value, /) -> None:
        """Adds an attribute."""
        ...

    def end(self, failure: Attributes, description: str | None = None, /) -> None:
        """Ends the span, as failed if there are attributes of a failure."""
        ...


class Signals(Protocol):
    """Spans and metrics."""

    def span(self, name: str, attributes: Attributes, /) -> Span:
        """Begins a span of a client."""
        ...

    def duration(self, seconds: float, attributes: Attributes, /) -> None:
        """Records how long an operation took."""
        ...

    def retry(self, attributes: Attributes, /) -> None:
        """Counts a retry."""
        ...

    def untold(self) -> AbstractContextManager[None]:
        """Has no span begin in this context, neither ours nor one of a library below."""
        ...

    def update(self, attributes: Attributes, /) -> None:
        """Counts a state that a watch gave."""
        ...

    def reconnect(self, attributes: Attributes, /) -> None:
        """Counts a lost connection of live queries."""
        ...


class Silence:
    """Signals and a span that tell nobody."""

    def span(self, name: str, attributes: Attributes, /) -> Span:
        return self

    def duration(self, seconds: float, attributes: Attributes, /) -> None:
        pass

    def retry(self, attributes: Attributes, /) -> None:
        pass

    def untold(self) -> AbstractContextManager[None]:
        return nullcontext()

    def update(self, attributes: Attributes, /) -> None:
        pass

    def reconnect(self, attributes: Attributes, /) -> None:
        pass

    def attach(self) -> Callable[[], object]:
        return _nothing

    def set(self, name: str, value: Value, /) -> None:
        pass

    def end(self, failure: Attributes, description: str | None = None, /) -> None:
        pass


def _nothing() -> None:
    pass
