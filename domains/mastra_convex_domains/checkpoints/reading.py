"""Reads checkpoints with their values and pending writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from mastra_convex.domain import (
    Bound,
    Condition,
    Get,
    GetResult,
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

from .models import CheckpointWrite, Serialized, StoredCheckpoint
from .rows import checkpoint_key, in_order, read_checkpoint, read_value, read_write, value_keys
from .tables import BLOBS, CHECKPOINTS, WRITES
from .values import RememberingMethods

Operator = Literal["lt", "lte", "gt", "gte"]

_BATCH: Final = 50
"""Checkpoints that are read at a time unless another number is given."""
_WRITES: Final = 200
"""Writes at most that are read along with the newest checkpoint, before it is known which that is."""


class ReadingMethods(RememberingMethods):
    """Adds the methods that read to CheckpointsStore."""

    async def get_checkpoint(
        self, thread_id: str, *, namespace: str = "", checkpoint_id: str | None = None
    ) -> StoredCheckpoint | None:
        """Returns a checkpoint with its values and pending writes.

        This takes two calls, or one where this store has saved or read the values before.

        Args:
            thread_id: name of the thread.
            namespace: name of the graph within the thread.
            checkpoint_id: id of the checkpoint; None for the newest.

        Returns:
            The checkpoint; None when there is none.

        Raises:
            ValidationError: an argument is wrong.
        """
        scan = replace(_scan(thread_id, namespace, checkpoint_id, None, None, operation="GET_CHECKPOINT"), limit=1)
        since = checkpoint_id or self._newest.get((thread_id, namespace))
        if since is None:
            return next(iter(await self._completed((await self._records.read(scan)).rows)), None)
        found, written = await self._records.read(scan, _writes((thread_id, namespace), since, checkpoint_id))
        has_all = checkpoint_id is not None or len(written.rows) < _WRITES
        is_older = bool(found.rows) and found.rows[0]["checkpointId"] < since  # others have deleted the newest
        return next(iter(await self._completed(found.rows, written.rows if has_all and not is_older else None)), None)

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
            for checkpoint in await self._completed(found.rows, are_adjacent=namespace is not None and not metadata):
                yield checkpoint
            if len(found.rows) < wanted:
                return
            scan = replace(scan, cursor=found.cursor)
            left = None if left is None else left - wanted

    async def _completed(
        self, rows: Sequence[Row], written: Sequence[Row] | None = None, *, are_adjacent: bool = False
    ) -> list[StoredCheckpoint]:
        """Returns the checkpoints of rows with their values and writes. What is not known of these one call reads.

        Args:
            rows: the rows of the checkpoints.
            written: the rows of their writes, with or without others, if they were read already.
            are_adjacent: whether the rows are all those between the first and the last, of one graph.
        """
        if not rows:
            return []
        checkpoints = await each(read_checkpoint, rows)
        keys = dict.fromkeys(key for checkpoint in checkpoints for key in value_keys(checkpoint).values())
        values = {key: value for key in keys if (value := self._values.get(key)) is not None}
        missing = [key for key in keys if key not in values]
        blobs = Get(table=BLOBS.name, keys=missing)
        if written is None:
            places = [checkpoint_key(checkpoint) for checkpoint in checkpoints]
            scan = Scan(table=WRITES.name, index=WRITES.key, prefixes=places)
            if are_adjacent:  # one range in place of many
                scan = _writes(places[0][:2], places[-1][2], places[0][2])
            of_these, read = await self._records.read(scan, blobs)
            written = of_these.rows
        else:
            read = await self._records.read(blobs) if missing else GetResult(rows=[])
        for key, value in zip(missing, await each(_value_or_none, read.rows), strict=True):
            if value is not None:
                values[key] = value
                self._values.put(key, value)
        writes: dict[Key, list[CheckpointWrite]] = defaultdict(list)
        for row, write in zip(written, await each(read_write, written), strict=True):
            writes[row["threadId"], row["namespace"], row["checkpointId"]].append(write)
        for checkpoint in checkpoints:
            found = {channel: values[key] for channel, key in value_keys(checkpoint).items() if key in values}
            checkpoint.values.update(found)
            checkpoint.writes.extend(in_order(writes[checkpoint_key(checkpoint)]))
            self._remember_newest(*checkpoint_key(checkpoint))
        return checkpoints


def _value_or_none(row: Row | None) -> Serialized | None:
    return None if row is None else read_value(row)


def _writes(graph: Sequence[str], first: str, last: str | None) -> Scan:
    """Returns the scan of the writes for the checkpoints of a graph from one id to another, or for all later ones."""
    lower, upper = Bound(value=first), None if last is None else Bound(value=last)
    limit = None if last is not None else _WRITES
    return Scan(table=WRITES.name, index=WRITES.key, prefixes=[graph], lower=lower, upper=upper, limit=limit)


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
