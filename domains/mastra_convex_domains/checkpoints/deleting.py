"""Deletes checkpoints, with their writes and the values that no other checkpoint has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from mastra_convex.domain import (
    MAX_CONFLICTS,
    Bound,
    Delete,
    DeleteRange,
    EmptyGuard,
    IndexRange,
    Scan,
    WriteOp,
    each,
    from_json,
    in_parts,
    kept_changing,
    text,
    texts,
)
from mastra_convex.errors import ConflictError

from .heads import HEAD, Head, heads
from .tables import BLOBS, CHECKPOINTS, WRITES
from .values import RememberingMethods, ValueKey

_PART: Final = 100
"""Checkpoints that one commit deletes with what belongs to them."""


class _ChangedError(Exception):
    """The thread has got a checkpoint since it was read."""


class DeletingMethods(RememberingMethods):
    """Adds the methods that delete to CheckpointsStore."""

    async def delete_thread(self, thread_id: str) -> None:
        """Deletes all checkpoints of a thread with their values and writes; an unknown thread is no error.

        A long thread is deleted in steps, its checkpoints first.
        """
        await self._delete_thread(text(thread_id, "thread_id", operation="DELETE_THREAD"))

    async def delete_runs(self, run_ids: Sequence[str]) -> None:
        """Deletes the checkpoints that runs made, with what no other checkpoint has; unknown runs are no error.

        Raises ConflictError, having deleted nothing of a thread, where a checkpoint that stays needs its ancestors.
        """
        operation = "DELETE_RUNS"
        runs = texts(run_ids, "run_ids", operation=operation)
        if not runs:
            return
        of_runs = Scan(table=CHECKPOINTS.name, index="by_run", prefixes=[[run] for run in runs], paths=[("threadId",)])
        found = await self._records.read(of_runs)

        def of_these(thread: Sequence[Head]) -> list[Head]:
            return [head for head in thread if head.run_id in runs]

        for thread_id in dict.fromkeys(from_json(name or "null") for [name] in found.values or ()):
            await self._delete_some(thread_id, of_these, operation)

    async def keep_latest(self, thread_id: str) -> None:
        """Deletes all checkpoints of a thread but the newest of each namespace, with what those do not have.

        Raises ConflictError, having deleted nothing, where one that stays needs its ancestors.
        """
        operation = "KEEP_LATEST"
        await self._delete_some(text(thread_id, "thread_id", operation=operation), _older, operation)

    async def _delete_thread(self, thread_id: str, guards: Sequence[EmptyGuard] = ()) -> int:
        """Deletes a thread unless a guard fails; returns how many checkpoints it were."""
        tables = (("by_thread_checkpoint", CHECKPOINTS), (WRITES.key, WRITES), (BLOBS.key, BLOBS))
        ranges = [IndexRange(table=table.name, index=index, prefix=[thread_id]) for index, table in tables]
        ops = [DeleteRange(range=range) for range in ranges]
        result = await self._records.commit(ops, guards=guards, mode="resumable")
        self._values.forget(thread_id)
        return result.outcomes[0].changed if result.status == "done" else 0

    async def _delete_some(
        self, thread_id: str, choose: Callable[[Sequence[Head]], Sequence[Head]], operation: str
    ) -> None:
        """Deletes the checkpoints that `choose` returns of all those of a thread, which are the newest first."""
        scan = Scan(
            table=CHECKPOINTS.name, index="by_thread_checkpoint", prefixes=[[thread_id]], order="desc", paths=HEAD
        )
        for _ in range(MAX_CONFLICTS):
            found = await heads(await self._records.read(scan))
            doomed = [*choose(found)]
            if not doomed:
                return
            _check_ancestors(thread_id, found, doomed, operation)
            try:
                await self._delete_heads(thread_id, found, doomed)
            except _ChangedError:
                continue
            return
        raise kept_changing(f"the thread {thread_id!r}", operation)

    async def _delete_heads(self, thread_id: str, found: Sequence[Head], doomed: Sequence[Head]) -> None:
        """Deletes checkpoints, the oldest first, unless the thread has got one since it was read."""
        guard = later_than(thread_id, found[0].checkpoint_id)
        users: Counter[ValueKey] = Counter()
        await each(lambda head: users.update(head.values(thread_id)), found)

        async def delete(part: Sequence[Head]) -> None:
            keys = [head.key(thread_id) for head in part]
            given_up = Counter(value for head in part for value in head.values(thread_id))
            unused = [value for value, count in given_up.items() if count == users[value]]
            ops: list[WriteOp] = [
                Delete(table=CHECKPOINTS.name, keys=keys),
                *[DeleteRange(range=IndexRange(table=WRITES.name, index=WRITES.key, prefix=key)) for key in keys],
                Delete(table=BLOBS.name, keys=unused),
            ]
            result = await self._records.commit(ops, guards=[guard], mode="resumable")
            if result.status == "conflict":
                raise _ChangedError
            users.subtract(given_up)

        self._values.forget(thread_id)
        oldest_first = [*reversed(doomed)]
        for start in range(0, len(oldest_first), _PART):
            await in_parts(oldest_first[start : start + _PART], delete)


def later_than(thread_id: str, checkpoint_id: str) -> EmptyGuard:
    """Returns the guard that a thread has no checkpoint after this one."""
    after = Bound(value=checkpoint_id, inclusive=False)
    return EmptyGuard(
        range=IndexRange(table=CHECKPOINTS.name, index="by_thread_checkpoint", prefix=[thread_id], lower=after)
    )


def _older(found: Sequence[Head]) -> list[Head]:
    """Returns all but the newest of each namespace."""
    newest: dict[str, Head] = {}
    return [head for head in found if newest.setdefault(head.namespace, head) is not head]


def _check_ancestors(thread_id: str, found: Sequence[Head], doomed: Sequence[Head], operation: str) -> None:
    gone = {head.key(thread_id) for head in doomed}
    namespaces = {head.namespace for head in doomed}
    for head in found:
        if head.needs_ancestors and head.namespace in namespaces and head.key(thread_id) not in gone:
            raise ConflictError(
                f"the checkpoint {head.checkpoint_id!r} of thread {thread_id!r} needs the writes of its ancestors, so"
                " these cannot be deleted before the thread as a whole",
                operation=operation,
                status="NEEDS_ANCESTORS",
            )
