"""Saves checkpoints, their values and their pending writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mastra_convex.domain import Put, WriteOp, about, batches, each, parse, parse_list, shown, string, text
from mastra_convex.errors import ValidationError

from .models import Checkpoint, CheckpointWrite, Serialized
from .rows import WRITTEN, blob_row, checkpoint_row, write_row
from .tables import BLOBS, CHECKPOINTS, WRITES
from .values import RememberingMethods

_NOTHING: Final[Mapping[str, tuple[str, bytes]]] = MappingProxyType({})


class SavingMethods(RememberingMethods):
    """Adds the methods that save to CheckpointsStore."""

    async def save_checkpoint(
        self, checkpoint: Checkpoint | Mapping[str, Any], *, values: Mapping[str, tuple[str, bytes]] = _NOTHING
    ) -> Checkpoint:
        """Stores a checkpoint with the values that are new in it, in one commit.

        Values of earlier checkpoints are not sent again: `versions` names them. Where the new values are too large for
        one commit they are stored before the checkpoint, so that one that is found has its values.

        Args:
            checkpoint: the checkpoint; one of the same thread, namespace and id is replaced.
            values: the new values by channel, each of the version that the checkpoint names. A version is never given
                another value.

        Returns:
            The checkpoint as stored.

        Raises:
            ValidationError: an argument is wrong, or a channel of `values` has no version.
            TooLargeError: a value is too large to be stored.
        """
        operation = "SAVE_CHECKPOINT"
        checked = parse(Checkpoint, checkpoint, "checkpoint", operation=operation)
        if not isinstance(values, Mapping):
            problem = f"values must be a mapping of channels to values, not {shown(values)}"
            raise ValidationError(problem, operation=operation)
        [row] = await each(checkpoint_row, [checked])
        blobs = await each(lambda value: blob_row(checked, *value, operation=operation), values.items())
        *earlier, last = batches([*blobs, row])
        for part in earlier:
            await self._records.commit([Put(table=BLOBS.name, rows=part)])
        ops: list[WriteOp] = [Put(table=CHECKPOINTS.name, rows=[row])]
        if len(last) > 1:
            ops.append(Put(table=BLOBS.name, rows=last[:-1]))
        await self._records.commit(ops)
        place = (checked.thread_id, checked.namespace)
        for channel, (kind, data) in values.items():
            self._values.put((*place, channel, checked.versions[channel]), Serialized(kind, bytes(data)))
        self._remember_newest(*place, checked.checkpoint_id)
        return checked

    async def save_writes(
        self,
        thread_id: str,
        *,
        namespace: str = "",
        checkpoint_id: str,
        writes: Sequence[CheckpointWrite | Mapping[str, Any]],
    ) -> None:
        """Stores pending writes for the step after a checkpoint, in one commit up to about 12 MiB.

        The first write of a task and index stays; of a negative index the last. So it is safe to repeat.

        Args:
            thread_id: name of the thread.
            namespace: name of the graph within the thread.
            checkpoint_id: id of the checkpoint, which may be stored later.
            writes: the writes.

        Raises:
            ValidationError: an argument is wrong.
            TooLargeError: a value is too large to be stored.
        """
        operation = "SAVE_WRITES"
        key = (
            text(thread_id, "thread_id", operation=operation),
            string(namespace, "namespace", operation=operation),
            text(checkpoint_id, "checkpoint_id", operation=operation),
        )
        given = parse_list(CheckpointWrite, writes, "writes", operation=operation)
        with about("writes"):
            rows = await each(lambda write: write_row(key, write), given)
        for part in batches(rows):
            stay = [row for row in part if row["index"] >= 0]
            replace = [row for row in part if row["index"] < 0]
            puts = [Put(table=WRITES.name, rows=stay, keep=WRITTEN), Put(table=WRITES.name, rows=replace)]
            await self._records.commit([put for put in puts if put.rows])
