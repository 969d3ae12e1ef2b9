"""Putting large values back into what an engine read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from anyio import to_thread

from mastra_convex.engine import (
    Engine,
    Get,
    GetResult,
    Neighbours,
    NeighboursResult,
    ReadResult,
    Row,
    Scan,
    ScanResult,
)
from mastra_convex.errors import ServerError, UnavailableError
from mastra_convex.large.chunks import unpacked
from mastra_convex.large.shrinking import put_back, put_back_in, references, references_in
from mastra_convex.records import Records
from mastra_convex.references import Reference, owner_of
from mastra_convex.tables import CHUNKS, LARGE_VALUES, Table
from mastra_convex.values import from_json

_TRIES: Final = 5
"""For a row whose large values are replaced each time before they are read."""

_AT_ONCE: Final = 256 << 10
"""Bytes that are inflated and parsed at once; more takes longer than to wake a thread."""


class Reader:
    """Reads the chunks that rows refer to. A row whose values were replaced meanwhile is read again."""

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine = engine
        self._tables = tables

    async def whole(self, op: Get | Scan | Neighbours, result: ReadResult) -> ReadResult:
        """The result of a read, with large values in their rows."""
        if isinstance(op, Get):
            return await self.whole_get(op, cast(GetResult, result))
        if isinstance(op, Scan):
            return await self._whole_scan(op, cast(ScanResult, result))
        window = cast(NeighboursResult, result)
        [target] = await self._rows(op.table, [window.target])
        before = await self._whole_scan(op, window.before)
        return NeighboursResult(target=target, before=before, after=await self._whole_scan(op, window.after))

    async def whole_get(self, op: Get, result: GetResult) -> GetResult:
        """The result of a get, with large values in its rows, or in the values at its paths."""
        table = self._tables[op.table]
        missing: set[str] = set()
        for _ in range(_TRIES):
            replaced, result = await self._put_back(table, op, result, missing)
            if not replaced:
                return result
            again = op.model_copy(update={"keys": [op.keys[n] for n in replaced]})
            [fresh] = await Records(self._engine, self._tables).read([again])
            result = _updated(result, replaced, cast(GetResult, fresh))
        raise UnavailableError(f"large values of {op.table} were replaced each time before they were read")

    async def _put_back(
        self, table: Table, op: Get, result: GetResult, missing: set[str]
    ) -> tuple[list[int], GetResult]:
        """The result as far as its chunks are there, and the positions where they are not.

        Those generations become `missing`. A row that still refers to one when it is read again was not replaced: it is
        damaged, or has the reference from another writer, as a text.
        """
        if op.paths is None:
            kept = [[] if row is None else references(table, row) for row in result.rows]
        else:
            several = [texts or () for texts in result.values or ()]
            kept = [[each for text in texts for each in references_in(text or "")] for texts in several]
        if not any(kept):
            return [], result
        owners = [owner_of(table.name, key) for key in op.keys]
        found = _Found(await self._fetch(kept))
        lost = [[one.generation for one in each if not found.has(one, owners[n])] for n, each in enumerate(kept)]
        replaced = [n for n, each in enumerate(lost) if not missing.issuperset(each)]
        missing.update(generation for each in lost for generation in each)
        rows, values = list(result.rows), list(result.values or ())
        for n, each in enumerate(kept):
            if not each or n in replaced:
                continue
            mine = await found.values(each, owners[n])
            if op.paths is None:
                rows[n] = put_back(table, rows[n] or {}, mine)
            else:
                values[n] = [text and put_back_in(text, mine) for text in values[n] or ()]
        return replaced, result.model_copy(update={"rows": rows, "values": values if op.paths is not None else None})

    async def _whole_scan(self, op: Scan | Neighbours, result: ScanResult) -> ScanResult:
        """Rows that were deleted meanwhile are left out."""
        rows = await self._rows(op.table, result.rows)
        return result.model_copy(update={"rows": [row for row in rows if row is not None]})

    async def _rows(self, table: str, rows: Sequence[Row | None]) -> list[Row | None]:
        """Rows with their large values; None in place of those that were deleted meanwhile."""
        declared = self._tables[table]
        whole = list(rows)
        large = [n for n, row in enumerate(rows) if row is not None and references(declared, row)]
        if large:
            keys = [declared.key_of(whole[n] or {}) for n in large]
            found = await self.whole_get(Get(table=table, keys=keys), GetResult(rows=[whole[n] for n in large]))
            for n, row in zip(large, found.rows, strict=True):
                whole[n] = row
        return whole

    async def _fetch(self, kept: Sequence[Sequence[Reference]]) -> tuple[GetResult, GetResult, list[Reference]]:
        """Owners and chunks of all that is referred to, each once, in as few calls as their size allows."""
        each = list({one.generation: one for several in kept for one in several}.values())
        owners = Get(table=LARGE_VALUES.name, keys=[[one.generation] for one in each], paths=[["owner"]])
        keys = [(one.generation, position) for one in each for position in range(one.chunks)]
        results = await Records(self._engine, self._tables).read([owners, Get(table=CHUNKS.name, keys=keys)])
        return cast(GetResult, results[0]), cast(GetResult, results[1]), each


class _Found:
    """What was fetched."""

    def __init__(self, fetched: tuple[GetResult, GetResult, list[Reference]]) -> None:
        owners, chunks, kept = fetched
        texts = iter(chunks.rows)
        self._owners = {one.generation: owner for one, owner in zip(kept, owners.values or (), strict=True)}
        self._chunks = {one.generation: [next(texts) for _ in range(one.chunks)] for one in kept}

    def owner(self, kept: Reference) -> str | None:
        texts = self._owners.get(kept.generation)
        return None if texts is None else from_json(texts[0] or "null")

    def has(self, kept: Reference, owner: str) -> bool:
        """Whether the value can be had; what belongs to another row is no reference, but a text that looks like one."""
        belongs = self.owner(kept)
        if belongs is None:
            return False
        return belongs != owner or all(chunk is not None for chunk in self._chunks[kept.generation])

    async def values(self, kept: Sequence[Reference], owner: str) -> dict[str, Any]:
        mine = [one for one in kept if self.owner(one) == owner]
        if sum(one.size for one in mine) <= _AT_ONCE:
            return self._unpacked(mine)
        return await to_thread.run_sync(self._unpacked, mine)

    def _unpacked(self, kept: Sequence[Reference]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for one in kept:
            chunks = [chunk["data"] for chunk in self._chunks[one.generation] if chunk is not None]
            try:
                values[one.generation] = unpacked(chunks, one.size)
            except ValueError as error:
                message = f"large value {one.generation} of {self.owner(one)} is damaged: {error}"
                raise ServerError(message, code="Damaged") from error
        return values


def _updated(result: GetResult, positions: Sequence[int], fresh: GetResult) -> GetResult:
    """A result with that of some of its keys, which were read again."""

    def merged(old: Sequence[Any] | None, new: Sequence[Any] | None) -> list[Any] | None:
        if old is None or new is None:
            return None
        members = list(old)
        for n, member in zip(positions, new, strict=True):
            members[n] = member
        return members

    rows = result.rows if result.values is not None else merged(result.rows, fresh.rows)
    return result.model_copy(
        update={
            "rows": rows,
            "values": merged(result.values, fresh.values),
            "fingerprints": merged(result.fingerprints, fresh.fingerprints),
        }
    )
