"""Putting large values back into what an engine read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from mastra_convex.engine.client import Records
from mastra_convex.engine.large_values.chunks import unpacked
from mastra_convex.engine.large_values.split import put_back, put_back_in, references, references_in
from mastra_convex.engine.protocol import (
    Engine,
    Get,
    GetResult,
    NeighboursResult,
    ScanResult,
)
from mastra_convex.engine.threads import in_thread
from mastra_convex.errors import DamagedRowError, UnavailableError, damaged_row
from mastra_convex.rows.large_values import Reference, owner_of
from mastra_convex.rows.values import Row, from_json
from mastra_convex.tables import CHUNKS, LARGE_VALUES, Table

_TRIES: Final = 5
"""For a read whose large values are replaced, and swept, each time before they are fetched."""

_AT_ONCE: Final = 64 << 10
"""Bytes that are inflated, parsed and printed without a thread: less than a millisecond."""

Kept = Sequence[tuple[str, Reference]]
"""References, each with the owner that it must be of."""

Values = Mapping[str, Mapping[str, Any]]
"""Large values by owner and generation."""


class Reader:
    """Fetches the chunks that rows refer to. What was replaced meanwhile is read again."""

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine = engine
        self._tables = tables

    async def whole(self, op: Any, result: Any) -> Any:
        """The result of a read, with large values in its rows, or in the values at its paths.

        A generation that is still referred to when the rows are read again was not replaced: it is damaged, or the row
        has the reference from another writer, as a text.
        """
        table = self._tables[op.table]
        missing: set[str] = set()
        for _ in range(_TRIES):
            kept = list(_references(table, op, result))
            if not kept:
                return result
            found = await self._fetch(kept)
            lost = {one.generation for owner, one in kept if not found.has(one, owner)}
            if lost <= missing:
                return await found.put_back(table, op, result, kept)
            missing |= lost
            [result] = await self._engine.read([op])
        raise UnavailableError(f"large values of {op.table} were replaced each time before they were read")

    async def _fetch(self, kept: Kept) -> _Found:
        """Owners and chunks of all that is referred to, each once, in as few calls as their size allows."""
        each = list({one.generation: one for _, one in kept}.values())
        owners = Get(table=LARGE_VALUES.name, keys=[[one.generation] for one in each], paths=[["owner"]])
        keys = [(one.generation, position) for one in each for position in range(one.chunks)]
        chunks = Get(table=CHUNKS.name, keys=keys)
        try:
            return _Found(each, *await Records(self._engine, self._tables).read(owners, chunks))
        except DamagedRowError as error:  # the user knows the row that has the value
            for owner, one in kept:
                if one.generation in str(error.details.get("id")):
                    raise _damaged(owner, error.message) from error
            raise


class _Found:
    """Holds the owners and chunks that were fetched."""

    def __init__(self, kept: Sequence[Reference], owners: GetResult, chunks: GetResult) -> None:
        rows = iter(chunks.rows)
        self._owners = {
            one.generation: None if texts is None else from_json(texts[0] or "null")
            for one, texts in zip(kept, owners.values or (), strict=True)
        }
        self._chunks = {one.generation: [next(rows) for _ in range(one.chunks)] for one in kept}

    def has(self, kept: Reference, owner: str) -> bool:
        """Tells whether the value is there. A generation of another row only looks like a reference."""
        belongs = self._owners[kept.generation]
        return belongs is not None and (belongs != owner or None not in self._chunks[kept.generation])

    async def put_back(self, table: Table, op: Any, result: Any, kept: Kept) -> Any:
        """The result with the values in it."""
        mine = [(owner, one) for owner, one in kept if self._owners[one.generation] == owner]

        def put_back() -> Any:
            return _put_back(table, op, result, self._unpacked(mine))

        return put_back() if sum(one.size for _, one in mine) <= _AT_ONCE else await in_thread(put_back)

    def _unpacked(self, kept: Kept) -> Values:
        values: dict[str, dict[str, Any]] = {}
        for owner, one in kept:
            chunks = [chunk.get("data", "") for chunk in self._chunks[one.generation] if chunk is not None]
            try:
                values.setdefault(owner, {})[one.generation] = unpacked(chunks, one.size)
            except (ValueError, TypeError) as error:
                raise _damaged(owner, str(error)) from error
        return values


def _damaged(owner: str, problem: str) -> DamagedRowError:
    table, *key = orjson.loads(owner)
    return damaged_row(table, key, f"a large value of it cannot be read: {problem}")


def _references(table: Table, op: Any, result: Any) -> Iterator[tuple[str, Reference]]:
    if isinstance(op, Get) and op.paths is not None:
        for key, texts in zip(op.keys, result.values or (), strict=False):  # as far as it was read
            for text in filter(None, texts or ()):
                yield from ((owner_of(table.name, key), one) for one in references_in(text))
        return
    for row in _rows(result):
        yield from ((owner_of(table.name, table.key_of(row)), one) for one in references(table, row))


def _rows(result: GetResult | ScanResult | NeighboursResult) -> list[Row]:
    if isinstance(result, NeighboursResult):
        return [row for row in (result.target, *result.before.rows, *result.after.rows) if row is not None]
    return [row for row in result.rows if row is not None]


def _put_back(table: Table, op: Any, result: Any, values: Values) -> Any:
    """The result with values in place of the references to them."""

    def whole(row: Any) -> Any:
        mine = values.get(owner_of(table.name, table.key_of(row))) if row is not None else None
        return row if row is None or mine is None else put_back(table, row, mine)

    if isinstance(result, NeighboursResult):
        before, after = (
            replace(side, rows=[whole(row) for row in side.rows]) for side in (result.before, result.after)
        )
        return NeighboursResult(target=whole(result.target), before=before, after=after)
    if isinstance(op, Get) and op.paths is not None:
        pairs = zip(op.keys, result.values or (), strict=False)
        return replace(
            result, values=[_texts(texts, values.get(owner_of(table.name, key), {})) for key, texts in pairs]
        )
    return replace(result, rows=[whole(row) for row in result.rows])


def _texts(texts: Sequence[str | None] | None, values: Mapping[str, Any]) -> list[str | None] | None:
    return None if texts is None else [text and put_back_in(text, values) for text in texts]
