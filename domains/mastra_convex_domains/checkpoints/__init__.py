"""Stores checkpoints of graphs, so that a run outlives its process (docs/contract.md, "Checkpoints")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mastra_convex.domain import RetentionTable, Table, register

from .copying import CopyingMethods
from .history import HistoryMethods
from .models import ChannelHistory, Checkpoint, CheckpointWrite, Serialized, StoredCheckpoint
from .reading import ReadingMethods
from .retention import RetentionMethods
from .saving import SavingMethods
from .tables import BLOBS, CHECKPOINTS, WRITES

__all__ = [
    "ChannelHistory",
    "Checkpoint",
    "CheckpointWrite",
    "CheckpointsStore",
    "Serialized",
    "StoredCheckpoint",
]


@register
class CheckpointsStore(SavingMethods, ReadingMethods, HistoryMethods, CopyingMethods, RetentionMethods):
    """Stores checkpoints of graphs: their states, the values of their channels, and pending writes.

    A value is stored once for all checkpoints that have it. Old checkpoints go with their thread as a whole.

    Example:
        state = Serialized("json", b"{}")
        first = Checkpoint(thread_id="t1", checkpoint_id="1", state=state, versions={"a": "1", "b": "1"})
        values = {"a": Serialized("json", b"1"), "b": Serialized("json", b"2")}
        await store.checkpoints.save_checkpoint(first, values=values)
        second = Checkpoint(
            thread_id="t1", checkpoint_id="2", parent_id="1", state=state, versions={"a": "1", "b": "2"}
        )
        await store.checkpoints.save_checkpoint(second, values={"b": Serialized("json", b"3")})
        newest = await store.checkpoints.get_checkpoint("t1")
        assert newest is not None and newest.values["a"].data == b"1" and newest.values["b"].data == b"3"
    """

    name: ClassVar[str] = "checkpoints"
    tables: ClassVar[tuple[Table, ...]] = (CHECKPOINTS, BLOBS, WRITES)
    retention: ClassVar[Mapping[str, RetentionTable]] = {"checkpoints": RetentionTable(CHECKPOINTS, "createdAt")}
