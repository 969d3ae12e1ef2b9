"""Turns checkpoints, values and writes into rows, and rows into them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mastra_convex.domain import Key, Row, Table, about, decode_row, encode_row, json_member, text_column
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


def blob_rows(checkpoint: Checkpoint, values: Mapping[str, tuple[str, bytes]], *, operation: str) -> list[Row]:
    """Returns the rows of new values. Raises ValidationError for a channel that has no version in the checkpoint."""
    rows: list[Row] = []
    for channel, value in values.items():
        version = checkpoint.versions.get(channel)
        if version is None:
            raise ValidationError(f"checkpoint.versions lacks the channel {channel!r} of values", operation=operation)
        names = {"threadId": checkpoint.thread_id, "namespace": checkpoint.namespace}
        with about(f"values[{channel!r}]"):
            kind, data = _checked(value, operation)
            columns = {**names, "channel": channel, "version": version, "kind": kind, "data": data}
            rows.append(encode_row(BLOBS, columns))
    return rows


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


def _checked(value: Any, operation: str) -> tuple[str, str]:
    match value:
        case (str() as kind, bytes() | bytearray() as data):
            return kind, _text(data)
        case _:
            raise ValidationError("must be a Serialized: a kind and bytes", operation=operation)


def _text(data: bytes | bytearray) -> str:
    return b64encode(data).decode("ascii")


def _serialized(table: Table, row: Row, column: str) -> Serialized:
    try:
        return Serialized(text_column(table, row, "kind"), b64decode(text_column(table, row, column), validate=True))
    except ValueError as error:
        raise damaged_row(table.name, table.key_of(row), f"{column} is no base64") from error
