"""Removing what nobody needs any more: old receipts, and the chunks of large values that no row refers to."""

from __future__ import annotations

import time
from itertools import islice
from typing import Final

import orjson

from mastra_convex.engine.protocol import Bound, IndexRange
from mastra_convex.local.documents import Stored, UnreadableError
from mastra_convex.local.reads import find
from mastra_convex.local.schema import Session
from mastra_convex.local.writes import Patcher, delete_rows, rows_of
from mastra_convex.rows.changes import Change
from mastra_convex.rows.keys import encode_key
from mastra_convex.rows.large_values import generations
from mastra_convex.rows.values import Row
from mastra_convex.tables import CHUNKS, LARGE_VALUES, RECEIPTS

_KEPT_MS: Final = 3_600_000
_TRUSTED_MS: Final = 7 * 24 * _KEPT_MS
"""A large value counts as referenced for so long after it was seen to be: others do not say what they drop."""

_SWEPT_AT_ONCE: Final = 1_000

_VALUES_AT_ONCE: Final = 100
_CHUNKS_AT_ONCE: Final = 8


def sweep(session: Session) -> tuple[int, bool]:
    """One bounded step: how many rows it deleted, and whether nothing is left to do."""
    now = int(time.time() * 1000)
    receipts, no_receipts = sweep_receipts(session, now - _KEPT_MS)
    chunks, no_chunks = _remove(session, now)
    seen = _look(session, now)
    return receipts + chunks, no_receipts and no_chunks and seen < _VALUES_AT_ONCE


def _remove(session: Session, now: int) -> tuple[int, bool]:
    """Removes values that were dropped, or left behind unfinished: the chunks, then what names them.

    One that a row refers to all the same, as another writer has put back what it read before, is kept.
    """
    layout = session.layouts[LARGE_VALUES.name]
    deleted = 0
    for state in ("dropped", "pending"):
        values = _values(session, state, now - _KEPT_MS)
        for stored in values:
            value = stored.row(layout.table)
            if _is_referred_to(session, value):
                _note(session, stored, "live", now)
                continue
            chunks = rows_of(session, IndexRange(table=CHUNKS.name, index=CHUNKS.key, prefix=[value["id"]]))[0]
            some = [chunk for chunk, _ in islice(chunks, _CHUNKS_AT_ONCE + 1)]
            delete_rows(session, session.layouts[CHUNKS.name], some[:_CHUNKS_AT_ONCE])
            deleted += len(some[:_CHUNKS_AT_ONCE])
            if len(some) > _CHUNKS_AT_ONCE:
                return deleted, False
            delete_rows(session, layout, [stored])
            deleted += 1
            if deleted > _CHUNKS_AT_ONCE:
                return deleted, False
        if len(values) == _VALUES_AT_ONCE:
            return deleted, False
    return deleted, True


def _look(session: Session, now: int) -> int:
    """Looks whether rows still refer to values of which that was not seen for long; returns how many."""
    values = _values(session, "live", now - _TRUSTED_MS)
    for stored in values:
        referred_to = _is_referred_to(session, stored.row(LARGE_VALUES))
        _note(session, stored, "dropped" if referred_to is False else "live", now)
    return len(values)


def _note(session: Session, stored: Stored, state: str, now: int) -> None:
    change = Change(set={"state": state, "since": now})
    Patcher(session.layouts[LARGE_VALUES.name], change).apply(session, stored)


def _is_referred_to(session: Session, value: Row) -> bool | None:
    """None for a row of a table that only other programs know: they will look."""
    table, *key = orjson.loads(value["owner"])
    layout = session.layouts.get(table)
    if layout is None:
        return None
    name = tuple(map(encode_key, key))
    row = find(session, layout, [name]).get(name)
    return row is not None and value["id"] in generations(row.doc)


def _values(session: Session, state: str, until: int) -> list[Stored]:
    before = Bound(value=until, inclusive=False)
    target = IndexRange(table=LARGE_VALUES.name, index="by_state", prefix=[state], upper=before)
    readable = (stored for stored, _ in rows_of(session, target)[0] if _is_readable(stored))
    return [*islice(readable, _VALUES_AT_ONCE)]


def _is_readable(stored: Stored) -> bool:
    """Tells whether what names a value is whole. A damaged one stays, and must not keep others from being removed."""
    try:
        owner = orjson.loads(stored.open(LARGE_VALUES).close()["owner"])
    except (UnreadableError, KeyError, ValueError, TypeError):
        return False
    return isinstance(owner, list) and len(owner) > 1 and all(isinstance(part, str | int | float) for part in owner)


def sweep_receipts(session: Session, until: int) -> tuple[int, bool]:
    """Deletes the oldest receipts from before a time in milliseconds; their number, and whether there are no more."""
    name = session.layouts[RECEIPTS.name].name
    old = f"SELECT _seq FROM {name} WHERE _seq < ? ORDER BY _seq LIMIT {_SWEPT_AT_ONCE}"  # noqa: S608
    query = f"DELETE FROM {name} WHERE _seq IN ({old})"  # noqa: S608
    deleted = session.connection.execute(query, (until,)).rowcount
    return deleted, deleted < _SWEPT_AT_ONCE
