"""Reads checkpoints with their values and pending writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from mastra_convex.domain import (
    Bound,
    Condition,
    DomainStore,
    Get,
    Key,
    Row,
    Scan,
    check_batch_size,
    each,
    equals,
    integer,
    mapping,
    string,
    text,
    to_json,
)

from .models import CheckpointWrite, StoredCheckpoint
from .rows import blob_keys, in_order, read_checkpoint, read_value, read_write
from .tables import BLOBS, CHECKPOINTS, WRITES

Operator = Literal["lt", "lte", "gt", "gte"]

_BATCH: Final = 50
"""Checkpoints that are read at a time unless another number is given."""


class ReadingMethods(DomainStore):
    """Adds the methods that read to CheckpointsStore."""

    async def get_checkpoint(
        self, thread_id: str, *, namespace: str = "", checkpoint_id: str | None = None
    ) -> StoredCheckpoint | None:
        """Returns a checkpoint with its values and pending writes, in two calls.

        Args:
            thread_id: name of the thread.
            namespace: name of the graph within the thread.
            checkpoint_id: id of the checkpoint; None for the newest.

        Returns:
            The checkpoint; None when there is none.

        Raises:
            ValidationError: an argument is wrong.
        """
        scan = _scan(thread_id, namespace, checkpoint_id, None, None, operation="GET_CHECKPOINT")
        found = await self._records.read(replace(scan, limit=1))
        return (await self._completed(found.rows))[0] if found.rows else None

    async def iterate_checkpoints(
        self,
        thread_id: str | None = None,
        *,
        namespace: str | None = None,
        checkpoint_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        before: str | None = None,
        limit: int | None = None,
        batch_size: int = _BATCH,
    ) -> AsyncIterator[StoredCheckpoint]:
        """Yields checkpoints with their values and pending writes, the newest first, two calls for each batch.

        A batch is read as a whole before its first checkpoint is given, so that a caller who stops holds nothing.

        Args:
            thread_id: only checkpoints of this thread; None for all, in the order in which they were stored.
            namespace: only those of this graph within the thread; None for all.
            checkpoint_id: only those of this id; None for all.
            metadata: members that the metadata must have, with these values.
            before: only checkpoints with a smaller id.
            limit: checkpoints at most; None for all.
            batch_size: checkpoints that are read at a time.

        Yields:
            The checkpoints.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "ITERATE_CHECKPOINTS"
        scan = _scan(thread_id, namespace, checkpoint_id, metadata, before, operation=operation)
        size = check_batch_size(batch_size, operation=operation)
        left = None if limit is None else integer(limit, "limit", operation=operation, least=0)
        while left != 0:
            wanted = size if left is None else min(size, left)
            found = await self._records.read(replace(scan, limit=wanted))
            for checkpoint in await self._completed(found.rows):
                yield checkpoint
            if len(found.rows) < wanted:
                return
            scan = replace(scan, cursor=found.cursor)
            left = None if left is None else left - wanted

    async def _completed(self, rows: Sequence[Row]) -> list[StoredCheckpoint]:
        """Returns the checkpoints of rows, with their values and writes, which one call reads."""
        if not rows:
            return []
        keys = list(dict.fromkeys(key for row in rows for key in blob_keys(row).values()))
        of_rows = Scan(table=WRITES.name, index=WRITES.key, prefixes=[CHECKPOINTS.key_of(row) for row in rows])
        found, blobs = await self._records.read(of_rows, Get(table=BLOBS.name, keys=keys))
        values = {
            key: value
            for key, value in zip(keys, await each(_value_or_none, blobs.rows), strict=True)
            if value is not None
        }
        writes: dict[Key, list[CheckpointWrite]] = defaultdict(list)
        for row, write in zip(found.rows, await each(read_write, found.rows), strict=True):
            writes[row["threadId"], row["namespace"], row["checkpointId"]].append(write)

        def checkpoint(row: Row) -> StoredCheckpoint:
            return read_checkpoint(row, values, in_order(writes.get(tuple(CHECKPOINTS.key_of(row)), ())))

        return await each(checkpoint, rows)


def _value_or_none(row: Row | None) -> Any:
    return None if row is None else read_value(row)


def _scan(
    thread_id: str | None,
    namespace: str | None,
    checkpoint_id: str | None,
    metadata: Mapping[str, Any] | None,
    before: str | None,
    *,
    operation: str,
) -> Scan:
    """Returns the scan of checkpoints that match, the newest first."""
    members = {} if metadata is None else mapping(metadata, "metadata", operation=operation)
    where = [equals(["metadata", name], value) for name, value in members.items()]
    lower = upper = None
    if before is not None:
        upper = Bound(value=text(before, "before", operation=operation), inclusive=False)
    if checkpoint_id is not None:
        lower = Bound(value=text(checkpoint_id, "checkpoint_id", operation=operation))
        upper = lower if before is None or before > checkpoint_id else upper
    if namespace is not None:
        string(namespace, "namespace", operation=operation)
    if thread_id is None:
        if namespace is not None:
            where.append(equals(["namespace"], namespace))
        where += [*_conditions(lower, ("gte", "gt")), *_conditions(upper, ("lte", "lt"))]
        return Scan(table=CHECKPOINTS.name, index="by_created", order="desc", where=where)
    prefix = [text(thread_id, "thread_id", operation=operation)]
    index = "by_thread_checkpoint"
    if namespace is not None:
        index, prefix = CHECKPOINTS.key, [*prefix, namespace]
    return Scan(
        table=CHECKPOINTS.name, index=index, prefixes=[prefix], lower=lower, upper=upper, where=where, order="desc"
    )


def _conditions(bound: Bound | None, operators: tuple[Operator, Operator]) -> list[Condition]:
    """Returns a bound of the ids as a condition, by the operator for an inclusive one or the other."""
    if bound is None:
        return []
    operator = operators[0] if bound.inclusive else operators[1]
    return [Condition(path=["checkpointId"], operator=operator, value=to_json(bound.value))]
