"""Says where spans go: a file, a deployment, or a store that a function makes. Internal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mastra_convex.errors import ConfigurationError
from mastra_convex.store import ConvexStore

if TYPE_CHECKING:
    from mastra_convex.composite import CompositeStore

Target = str | os.PathLike[str] | Mapping[str, Any] | Callable[[], "ConvexStore | CompositeStore"] | None
"""The path of a SQLite file; arguments of `ConvexStore`; a function that makes a store; None for the environment."""


def opener(target: Target) -> Callable[[], ConvexStore | CompositeStore]:
    """Returns what makes a store of the target. Raises ConfigurationError for a wrong target."""
    if target is None:
        return _checked(lambda: ConvexStore.from_env(id="traces"))
    if isinstance(target, str | os.PathLike):
        path = os.fspath(target)
        if path == ":memory:":
            raise ConfigurationError("traces need a file, as nobody else could read them from memory")
        return _checked(lambda: ConvexStore.local(path, id="traces"))
    if isinstance(target, Mapping):
        settings: dict[str, Any] = {"id": "traces", **target}
        return _checked(lambda: ConvexStore(**settings))
    if not callable(target):
        raise ConfigurationError(
            "the writer of traces uses a store of its own: give a path, the arguments of ConvexStore as a mapping, or a"
            f" function that makes a store, not {type(target).__name__}"
        )
    return target


def _checked(make: Callable[[], ConvexStore]) -> Callable[[], ConvexStore]:
    try:
        make()  # no I/O happens before the first call
    except TypeError as error:
        raise ConfigurationError(f"no store can be made of these settings: {error}") from error
    return make
