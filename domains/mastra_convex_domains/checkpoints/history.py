"""Finds what channels got on the way to a checkpoint, for values that are put together from writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mastra_convex.domain import Bound, Condition, DomainStore, Get, Key, Scan, each, string, text, texts, to_json

from .heads import HEAD, Head, heads
from .models import ChannelHistory, CheckpointWrite
from .rows import in_order, read_value, read_write
from .tables import BLOBS, CHECKPOINTS, WRITES

_STEP: Final = 500
"""Checkpoints among which ancestors are looked for at a time."""


class HistoryMethods(DomainStore):
    """Adds the methods for histories to CheckpointsStore."""

    async def get_channel_histories(
        self, thread_id: str, *, namespace: str = "", checkpoint_id: str | None = None, channels: Sequence[str]
    ) -> dict[str, ChannelHistory]:
        """Returns what channels got on the way to a checkpoint, from the nearest ancestor on that has their value.

        Only ancestors count: no other branches, and not the checkpoint itself. It takes two calls, and one more for
        each further 500 checkpoints, however many ancestors and channels there are.

        Args:
            thread_id: name of the thread.
            namespace: name of the graph within the thread.
            checkpoint_id: id of the checkpoint; None for the newest.
            channels: names of the channels.

        Returns:
            The history of each channel.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "GET_CHANNEL_HISTORIES"
        graph = (
            text(thread_id, "thread_id", operation=operation),
            string(namespace, "namespace", operation=operation),
        )
        if checkpoint_id is not None:
            text(checkpoint_id, "checkpoint_id", operation=operation)
        names = texts(channels, "channels", operation=operation)
        ancestors = await self._ancestors(graph, checkpoint_id, names)
        if not ancestors:
            return {name: ChannelHistory(None, []) for name in names}
        ways = {name: _way(ancestors, name) for name in names}
        seeded = [name for name, way in ways.items() if name in way[-1].versions]
        among = Condition(path=["channel"], operator="in", value=to_json(names))
        found, written = await self._records.read(
            Get(table=BLOBS.name, keys=[(*graph, name, ways[name][-1].versions[name]) for name in seeded]),
            Scan(
                table=WRITES.name,
                index=WRITES.key,
                prefixes=[(*graph, ancestor.checkpoint_id) for ancestor in ancestors],
                where=[among],
            ),
        )
        seeds = {name: read_value(row) for name, row in zip(seeded, found.rows, strict=True) if row is not None}
        writes: dict[str, list[CheckpointWrite]] = defaultdict(list)
        for row, write in zip(written.rows, await each(read_write, written.rows), strict=True):
            writes[row["checkpointId"]].append(write)

        def history(name: str) -> ChannelHistory:
            given = (write for ancestor in reversed(ways[name]) for write in in_order(writes[ancestor.checkpoint_id]))
            return ChannelHistory(seeds.get(name), [write for write in given if write.channel == name])

        return {name: history(name) for name in names}

    async def _ancestors(self, graph: Key, checkpoint_id: str | None, names: Sequence[str]) -> list[Head]:
        """Returns the ancestors of a checkpoint, the nearest first, until each channel has a value."""
        scan = Scan(
            table=CHECKPOINTS.name,
            index=CHECKPOINTS.key,
            prefixes=[graph],
            upper=None if checkpoint_id is None else Bound(value=checkpoint_id),  # an ancestor has a smaller id
            order="desc",
            limit=_STEP,
            paths=HEAD,
        )
        found: list[Head] = []
        missing, wanted, is_target = set(names), checkpoint_id, True
        while missing:
            result = await self._records.read(scan)
            step = await heads(result)
            for head in step:
                if wanted not in (None, head.checkpoint_id) or not missing:
                    continue
                if not is_target:
                    found.append(head)
                    missing.difference_update(head.versions)
                if head.parent_id is None:
                    return found
                wanted, is_target = head.parent_id, False
            if len(step) < _STEP:
                break
            scan = replace(scan, cursor=result.cursor)
        return found


def _way(ancestors: Sequence[Head], name: str) -> list[Head]:
    """Returns the ancestors, the nearest first, up to the one that has a value of the channel."""
    end = next((n for n, ancestor in enumerate(ancestors) if name in ancestor.versions), len(ancestors))
    return [*ancestors[: end + 1]]
