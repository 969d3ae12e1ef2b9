"""Rows of the memory domain's tables and short forms of engine calls."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    Engine,
    Get,
    Neighbours,
    NeighboursResult,
    Put,
    Scan,
    ScanResult,
    WriteOp,
)
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.values import Row, plain_numbers

THREADS = "mastra_threads"
MESSAGES = "mastra_messages"
RESOURCES = "mastra_resources"

CASES = Path(__file__).parent.parent / "cases"
BIG = 900_000
"""Bytes of content; a dozen such rows exceed the budgets of 6 and 8 MiB."""


def thread(id: str, **columns: Any) -> Row:
    return {"id": id, "resourceId": "r1", "title": "", "createdAt": "2024", "updatedAt": "2024", **columns}


def message(id: str, **columns: Any) -> Row:
    plain = {"thread_id": "t1", "content": '"hi"', "role": "user", "type": "v2", "createdAt": "2024"}
    return {"id": id, **plain, **columns}


def resource(id: str, **columns: Any) -> Row:
    return {"id": id, "createdAt": "2024", "updatedAt": "2024", **columns}


def row_of(table: str, id: str, columns: Row) -> Row:
    """A complete row with these columns."""
    return {THREADS: thread, MESSAGES: message, RESOURCES: resource}[table](id, **columns)


def when(path: str | Sequence[str], operator: Any, value: Any) -> Condition:
    path = path.split(".") if isinstance(path, str) else path
    return Condition(path=path, operator=operator, value=json.dumps(value))


async def commit(engine: Engine, *ops: WriteOp, **members: Any) -> CommitResult:
    return await engine.commit(Commit(id=uuid.uuid4().hex, ops=ops, **members))


async def put(engine: Engine, table: str, *rows: Row) -> None:
    await commit(engine, Put(table=table, rows=rows))


async def get(engine: Engine, table: str, *ids: str) -> list[Row | None]:
    """The rows as they were put: without the creation time."""
    result = (await engine.read([Get(table=table, keys=[[id] for id in ids])]))[0]
    assert result.next is None
    return [None if row is None else columns(row) for row in result.rows]


async def one(engine: Engine, table: str, id: str) -> Row:
    (row,) = await get(engine, table, id)
    assert row is not None
    return row


async def scan(engine: Engine, op: Scan) -> ScanResult:
    return (await engine.read([op]))[0]


async def neighbours(engine: Engine, op: Neighbours) -> NeighboursResult:
    return (await engine.read([op]))[0]


async def everything(engine: Engine, op: Scan) -> list[Row]:
    """The rows of a scan without limit, carried on until it is done."""
    rows: list[Row] = []
    while True:
        result = await scan(engine, op)
        rows += result.rows
        if result.done:
            return rows
        op = replace(op, cursor=result.cursor or op.cursor, offset=op.offset - result.skipped)


def columns(row: Row) -> Row:
    return {name: plain_numbers(value) for name, value in row.items() if name != "_creationTime"}


def ids(rows: Sequence[Row | None]) -> list[str]:
    return [row["id"] for row in rows if row is not None]


def normal(table: str, row: Row) -> Row:
    """A row in which JSON text is replaced by its value, for comparisons that do not depend on how text is spelled."""
    text = {MESSAGES: {"content"}, RESOURCES: {"workingMemory"}}.get(table, set())
    return {name: _parsed(value, name in text) for name, value in columns(row).items()}


def _parsed(value: Any, is_text: bool) -> Any:
    if isinstance(value, str) and is_text:
        try:
            return ("JSON text", plain_numbers(json.loads(value)))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {key: _parsed(item, key == "__mastra_json") for key, item in value.items()}
    if isinstance(value, list):
        return [_parsed(item, False) for item in value]
    return value
