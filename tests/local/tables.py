"""Tables of these tests, and short forms of calls on them."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mastra_convex.engine.protocol import Commit, CommitResult, Get, Patch, Put, Scan
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.values import Row
from mastra_convex.tables import Field, Index, Table

NOTES = Table(
    name="notes",
    fields=(Field("id"), Field("rank", "any", optional=True), Field("info", "any", optional=True)),
    indexes=(Index("by_record_id", ("id",)), Index("by_rank", ("rank",))),
)
COUNTER = {"id": "counter", "info": {"n": 0}}


async def put(engine: LocalEngine, *rows: Row, table: str = "notes") -> CommitResult:
    return await engine.commit(Commit(id=uuid.uuid4().hex, ops=[Put(table=table, rows=rows)]))


def add_one(id: str | None = None) -> Commit:
    """A commit that adds 1 to the counter."""
    change = Change(edits=[Edit(path=["info", "n"], reducer="add", value="1")])
    return Commit(id=id or uuid.uuid4().hex, ops=[Patch(table="notes", keys=[["counter"]], change=change)])


async def counted(engine: LocalEngine) -> int:
    (row,) = await get(engine, "counter")
    return -1 if row is None else int(row["info"]["n"])


async def get(engine: LocalEngine, *ids: str, table: str = "notes") -> list[Row | None]:
    (result,) = await engine.read([Get(table=table, keys=[[id] for id in ids])])
    return list(result.rows)


async def scan(engine: LocalEngine, index: str, **members: Any) -> list[str]:
    (result,) = await engine.read([Scan(**{"table": "notes", "index": index, **members})])
    return [row["id"] for row in result.rows]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program is writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
