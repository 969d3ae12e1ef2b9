"""Reads what links checkpoints to each other and to their values, without their states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mastra_convex.domain import ScanResult, from_json

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


def heads(found: ScanResult) -> list[Head]:
    """Returns the heads that a scan of the paths `HEAD` found."""
    return [Head(*map(_value, row)) for row in found.values or ()]


def blobs_of(some: Iterable[Head], thread_id: str) -> set[tuple[str, str, str, str]]:
    """Returns the keys of the values that some checkpoints have."""
    return {(thread_id, head.namespace, *version) for head in some for version in head.versions.items()}


def _value(text: str | None) -> Any:
    return None if text is None else from_json(text)
