"""Turns checkpoints, values and writes into rows, and rows into them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from mastra_convex.domain import (
    Key,
    Row,
    Table,
    about,
    check_at_once,
    decode_row,
    encode_row,
    json_member,
    text_column,
)
from mastra_convex.errors import ValidationError, damaged_row

from .models import Checkpoint, CheckpointWrite, Serialized, StoredCheckpoint
from .tables import BLOBS, CHECKPOINTS, WRITES
from .values import ValueKey

WRITTEN: Final = ("taskPath", "channel", "kind", "data")
"""Columns of a write that a later one of the same index leaves as they are."""


def checkpoint_row(checkpoint: Checkpoint) -> Row:
    """Returns the row of a checkpoint. Raises ValidationError for what cannot be stored."""
    with about("checkpoint"):
        return encode_row(
            CHECKPOINTS,
            {
                "threadId": checkpoint.thread_id,
                "namespace": checkpoint.namespace,
                "checkpointId": checkpoint.checkpoint_id,
                "parentId": checkpoint.parent_id,
                "runId": checkpoint.run_id,
                "kind": checkpoint.state.kind,
                "state": _text(checkpoint.state.data),
                "versions": checkpoint.versions,
                "metadata": json_member(checkpoint, "metadata"),
                "needsAncestors": checkpoint.needs_ancestors or None,
                "createdAt": checkpoint.created_at,
            },
        )


def blob_row(checkpoint: Checkpoint, channel: str, value: tuple[str, bytes], *, operation: str) -> Row:
    """Returns the row of a new value. Raises ValidationError for a channel without a version in the checkpoint."""
    version = checkpoint.versions.get(channel)
    if version is None:
        raise ValidationError(f"checkpoint.versions lacks the channel {channel!r} of values", operation=operation)
    names = {"threadId": checkpoint.thread_id, "namespace": checkpoint.namespace, "channel": channel}
    match value:
        case (str() as kind, bytes() | bytearray() as data):
            with about(f"values[{channel!r}]"):
                return encode_row(BLOBS, {**names, "version": version, "kind": kind, "data": _text(data)})
        case _:
            problem = f"values[{channel!r}] must be a Serialized: a kind and bytes"
            raise ValidationError(problem, operation=operation)


def write_row(key: Key, write: CheckpointWrite) -> Row:
    """Returns the row of a write for the checkpoint of a key."""
    thread_id, namespace, checkpoint_id = key
    return encode_row(
        WRITES,
        {
            "threadId": thread_id,
            "namespace": namespace,
            "checkpointId": checkpoint_id,
            "taskId": write.task_id,
            "index": write.index,
            "taskPath": write.task_path,
            "channel": write.channel,
            "kind": write.value.kind,
            "data": _text(write.value.data),
        },
    )


def read_checkpoint(row: Row) -> StoredCheckpoint:
    """Returns the checkpoint of a row, without its values and writes."""
    state = _serialized(CHECKPOINTS, row, "state")
    columns = decode_row(CHECKPOINTS, row)
    for name in ("kind", "state"):
        columns.pop(name)
    return StoredCheckpoint.stored({**columns, "state": state, "values": {}, "writes": []}, CHECKPOINTS)


def checkpoint_key(checkpoint: Checkpoint) -> tuple[str, str, str]:
    """Returns the key of a checkpoint's row."""
    return checkpoint.thread_id, checkpoint.namespace, checkpoint.checkpoint_id


def value_keys(checkpoint: Checkpoint) -> dict[str, ValueKey]:
    """Returns the keys of a checkpoint's values, by channel."""
    graph = checkpoint.thread_id, checkpoint.namespace
    return {channel: (*graph, channel, version) for channel, version in checkpoint.versions.items()}


def read_value(row: Row) -> Serialized:
    """Returns the value of a row of BLOBS."""
    return _serialized(BLOBS, row, "data")


def read_write(row: Row) -> CheckpointWrite:
    """Returns the write of a row of WRITES."""
    members = {name: row.get(name) for name in ("taskId", "index", "taskPath", "channel")}
    if isinstance(members["index"], float):  # as Convex has all numbers
        members["index"] = int(members["index"])
    return CheckpointWrite.stored({**members, "value": _serialized(WRITES, row, "data")}, WRITES)


def in_order(writes: Sequence[CheckpointWrite]) -> list[CheckpointWrite]:
    """Returns writes in the order in which a step applies them."""
    return sorted(writes, key=lambda write: (write.task_path, write.task_id, write.index))


def _text(data: bytes | bytearray) -> str:
    check_at_once(len(data))
    return b64encode(data).decode("ascii")


def _serialized(table: Table, row: Row, column: str) -> Serialized:
    kind, data = text_column(table, row, "kind"), text_column(table, row, column)
    check_at_once(len(data))
    try:
        return Serialized(kind, b64decode(data, validate=True))
    except ValueError as error:
        raise damaged_row(table.name, table.key_of(row), f"{column} is no base64") from error
