"""Receipts: what a commit answered, kept for an hour, so that a commit that is repeated is applied once."""

from __future__ import annotations

import time

import orjson

from mastra_convex.engine.protocol import CommitResult
from mastra_convex.local.schema import Session
from mastra_convex.rows.keys import encode_key
from mastra_convex.tables import RECEIPTS

_SWEPT_AT_ONCE = 1_000


def find_receipt(session: Session, id: str) -> CommitResult | None:
    """The answer that a commit with this id gave, without the rows it returned."""
    layout = session.layouts[RECEIPTS.name]
    found = session.connection.execute(layout.by_keys(1), (encode_key(id),)).fetchone()
    if found is None:
        return None
    outcome: str = orjson.loads(found[2])["outcome"]
    return CommitResult.model_validate(orjson.loads(outcome))


def leave_receipt(session: Session, id: str, result: CommitResult) -> None:
    """Stores the answer. The `_seq` of a receipt is the clock's milliseconds, or the next number."""
    layout = session.layouts[RECEIPTS.name]
    outcome = orjson.dumps(result.model_dump(exclude={"returned"})).decode()
    (last,) = session.connection.execute(f"SELECT max(_seq) FROM {layout.name}").fetchone()  # noqa: S608
    seq = max(int(time.time() * 1000), (last or 0) + 1)
    row = {"id": id, "outcome": outcome}
    values = (orjson.dumps(row).decode(), *layout.keys(row))
    session.connection.execute(layout.insert, values)
    session.connection.execute(f"UPDATE {layout.name} SET _seq = ? WHERE _seq = last_insert_rowid()", (seq,))  # noqa: S608


def sweep_receipts(session: Session, until: int) -> tuple[int, bool]:
    """Deletes the oldest receipts from before a time in milliseconds; their number, and whether there are no more."""
    name = session.layouts[RECEIPTS.name].name
    old = f"SELECT _seq FROM {name} WHERE _seq < ? ORDER BY _seq LIMIT {_SWEPT_AT_ONCE}"  # noqa: S608
    query = f"DELETE FROM {name} WHERE _seq IN ({old})"  # noqa: S608
    deleted = session.connection.execute(query, (until,)).rowcount
    return deleted, deleted < _SWEPT_AT_ONCE
