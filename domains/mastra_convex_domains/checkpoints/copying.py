"""Copies threads of checkpoints."""

from __future__ import annotations

from mastra_convex.domain import DomainStore, Put, Row, Scan, batches, now, text, to_iso
from mastra_convex.errors import ValidationError

from .tables import BLOBS, CHECKPOINTS, WRITES


class CopyingMethods(DomainStore):
    """Adds the methods that copy to CheckpointsStore."""

    async def copy_thread(self, thread_id: str, *, new_thread_id: str) -> int:
        """Copies all checkpoints of a thread with their values and writes; returns how many checkpoints it were.

        Up to about 12 MiB are copied in one commit. More is copied in several, checkpoints after their values, and may
        be repeated. Checkpoints that the new thread has already stay, unless one of the copies has the same id.

        Args:
            thread_id: name of the thread; an unknown one has nothing to copy.
            new_thread_id: name of the copy.

        Returns:
            The number of checkpoints.

        Raises:
            ValidationError: an argument is wrong, or both names are the same.
        """
        operation = "COPY_THREAD"
        source = text(thread_id, "thread_id", operation=operation)
        target = text(new_thread_id, "new_thread_id", operation=operation)
        if source == target:
            raise ValidationError("new_thread_id must be another name than thread_id", operation=operation)
        tables = (BLOBS, WRITES, CHECKPOINTS)
        scans = [Scan(table=table.name, index=table.key, prefixes=[[source]]) for table in tables]
        results = await self._records.read_all(scans)
        time = to_iso(now())
        table_of: dict[int, str] = {}
        rows: list[Row] = []
        for table, found in zip(tables, results, strict=True):
            # A copy of an old thread is stored now, or it would be pruned at once.
            changed = {"threadId": target} | ({"createdAt": time} if table is CHECKPOINTS else {})
            columns = table.field_by_name.keys()
            copies = [{name: row[name] for name in row.keys() & columns} | changed for row in found.rows]
            table_of.update((id(copy), table.name) for copy in copies)
            rows += copies
        for part in batches(rows):
            puts = [Put(table=t.name, rows=[row for row in part if table_of[id(row)] == t.name]) for t in tables]
            await self._records.commit([put for put in puts if put.rows])
        return len(results[-1].rows)
