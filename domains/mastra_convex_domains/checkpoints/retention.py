"""Deletes old threads, by their newest checkpoint: older ones hold parts of its values, and are its ancestors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from mastra_convex.domain import (
    Bound,
    Policy,
    PruneOptions,
    PruneResult,
    RetentionPolicy,
    Scan,
    from_json,
    now,
    parse_policies,
    to_iso,
)

from .deleting import DeletingMethods, later_than
from .tables import CHECKPOINTS

_WINDOW: Final = 1_000
"""Old checkpoints whose threads are looked at together."""


@dataclass
class _Tally:
    deleted: int = 0
    batches: int = 0

    def has_reached(self, options: PruneOptions) -> bool:
        """Tells whether a bound of a prune is reached."""
        has_enough = options.max_rows is not None and self.deleted >= options.max_rows
        return has_enough or self.batches == options.max_batches or options.stopped


class RetentionMethods(DeletingMethods):
    """Prunes CheckpointsStore by whole threads."""

    async def _pruned(self, policies: Mapping[str, Policy], options: PruneOptions) -> list[PruneResult]:
        parsed = parse_policies(policies, self.retention, "policies")
        return [await self._prune_threads(policy, options) for policy in parsed.values()]

    async def _prune_threads(self, policy: RetentionPolicy, options: PruneOptions) -> PruneResult:
        """Deletes threads until one of the bounds is reached. Each is a batch, also one of more than `max_rows`."""
        cutoff = _before(now(), policy)
        tally = _Tally()

        def report(*, done: bool) -> PruneResult:
            result = PruneResult(domain=self.name, table=CHECKPOINTS.name, deleted=tally.deleted, done=done)
            if options.progress is not None:
                options.progress(result)
            return result

        scan = Scan(
            table=CHECKPOINTS.name,
            index="by_created",
            upper=Bound(value=cutoff, inclusive=False),
            limit=_WINDOW,
            paths=[["threadId"]],
        )
        seen: set[str] = set()
        while True:
            found = await self._records.read(scan)
            threads = dict.fromkeys(from_json(thread or "null") for [thread] in found.values or ())
            for thread, newest in await self._old_threads([each for each in threads if each not in seen], cutoff):
                if tally.has_reached(options) or (tally.batches and not await options.wait()):
                    return report(done=False)
                tally.deleted += await self._prune_thread(thread, newest, options)
                tally.batches += 1
                report(done=False)
            seen.update(threads)
            if len(found.values or ()) < _WINDOW:
                return report(done=True)
            scan = replace(scan, cursor=found.cursor)

    async def _old_threads(self, threads: Sequence[str], cutoff: str) -> list[tuple[str, str]]:
        """Returns those threads whose newest checkpoint is old, each with the id of that."""
        newest = Scan(
            table=CHECKPOINTS.name,
            index="by_thread_checkpoint",
            order="desc",
            limit=1,
            paths=[["checkpointId"], ["createdAt"]],
        )
        results = await self._records.read_all([replace(newest, prefixes=[[thread]]) for thread in threads])
        old: list[tuple[str, str]] = []
        for thread, result in zip(threads, results, strict=True):
            for row in result.values or ():
                checkpoint_id, created = (from_json(value or "null") for value in row)
                if created < cutoff:
                    old.append((thread, checkpoint_id))
        return old

    async def _prune_thread(self, thread: str, newest: str, options: PruneOptions) -> int:
        """Deletes a thread unless it has got a checkpoint since; returns how many checkpoints it had."""
        if options.dry_run:
            whole = Scan(table=CHECKPOINTS.name, index="by_thread_checkpoint", prefixes=[[thread]], limit=0, total=True)
            return (await self._records.read(whole)).matched
        return await self._delete_thread(thread, guards=[later_than(thread, newest)])


def _before(time: datetime, policy: RetentionPolicy) -> str:
    try:
        return to_iso(time - policy.max_age)
    except OverflowError:  # nothing is that old
        return to_iso(datetime.min.replace(tzinfo=UTC))
