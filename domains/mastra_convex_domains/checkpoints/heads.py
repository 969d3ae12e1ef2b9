"""Reads what links checkpoints to each other and to their values, without their states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from mastra_convex.domain import ScanResult, each, from_json

from .values import ValueKey

HEAD: Final = (
    ("namespace",),
    ("checkpointId",),
    ("parentId",),
    ("runId",),
    ("needsAncestors",),
    ("versions",),
)
"""The paths to read for a head."""


class Head(NamedTuple):
    """Holds the links of a checkpoint."""

    namespace: str
    checkpoint_id: str
    parent_id: str | None
    run_id: str | None
    needs_ancestors: bool | None
    versions: dict[str, str]

    def key(self, thread_id: str) -> tuple[str, str, str]:
        """Returns the key of the checkpoint's row."""
        return thread_id, self.namespace, self.checkpoint_id

    def values(self, thread_id: str) -> list[ValueKey]:
        """Returns the keys of the values that the checkpoint has."""
        return [(thread_id, self.namespace, channel, version) for channel, version in self.versions.items()]


async def heads(found: ScanResult) -> list[Head]:
    """Returns the heads that a scan of the paths `HEAD` found."""
    return await each(_head, found.values or ())


def _head(row: Sequence[str | None]) -> Head:
    columns: list[Any] = [None if text is None else from_json(text) for text in row]
    return Head(*columns)
