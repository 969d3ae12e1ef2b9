"""The standard library's `sqlite3` and orjson doing what our local engine has them do, and nothing else.

Pragmas, tables, key columns, indexes, transactions and statements are those of the engine; a row that it reads several
times in one transaction is read once. Nothing is checked, and rows stay dicts. This is the limit for Python on these
tables.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from . import data

Row = dict[str, Any]

TABLES: dict[str, tuple[list[str], list[str]]] = {
    "mastra_threads": (
        ["id", "resourceId", "createdAt", "updatedAt"],
        ["id", "resourceId", "createdAt", "updatedAt", "resourceId,createdAt", "resourceId,updatedAt"],
    ),
    "mastra_messages": (
        ["id", "thread_id", "createdAt", "resourceId"],
        ["id", "thread_id", "thread_id,createdAt", "resourceId", "resourceId,createdAt", "createdAt"],
    ),
    "mastra_workflow_snapshots": (
        ["id", "workflow_name", "run_id", "resourceId", "createdAt", "updatedAt"],
        [
            *("id", "workflow_name,run_id", "workflow_name", "resourceId", "createdAt", "workflow_name,createdAt"),
            *("resourceId,createdAt", "run_id,createdAt", "updatedAt"),
        ],
    ),
}
"""The key columns and the indexes of each table."""

PRAGMAS = ("page_size = 2048", "cache_size = -16384", "journal_mode = WAL", "synchronous = NORMAL")
CHECKPOINT_PAGES = "wal_autocheckpoint = 16000"


def insert(table: str) -> str:
    columns, _ = TABLES[table]
    names = ", ".join(["doc", *(f'"k_{column}"' for column in columns)])
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * (len(columns) + 1))})'


INSERT_MESSAGE = insert("mastra_messages")
FIND_MESSAGES = 'SELECT "k_id", _seq, doc FROM "mastra_messages" WHERE "k_id" IN ({})'
FIND_THREAD = 'SELECT "k_id", _seq, doc FROM "mastra_threads" WHERE "k_id" = ?'
UPDATE_THREAD = 'UPDATE "mastra_threads" SET doc = ?, "k_updatedAt" = ? WHERE _seq = ?'
_OF_THREAD = 'FROM "mastra_messages" INDEXED BY "mastra_messages:thread_id,createdAt" WHERE "k_thread_id" = ?'
FIRST = f'SELECT _seq, doc {_OF_THREAD} ORDER BY "k_createdAt", _seq LIMIT ? OFFSET ?'
LAST = f'SELECT _seq, doc {_OF_THREAD} ORDER BY "k_createdAt" DESC, _seq DESC LIMIT ? OFFSET ?'
COUNT = f"SELECT count(*) {_OF_THREAD}"
FIND_RUN = (
    'SELECT "k_workflow_name", _seq, doc FROM "mastra_workflow_snapshots"'
    ' WHERE "k_workflow_name" = ? AND "k_run_id" = ?'
)
UPDATE_RUN = 'UPDATE "mastra_workflow_snapshots" SET doc = ?, "k_updatedAt" = ? WHERE _seq = ?'


def key(text: str) -> bytes:
    """Encodes text as the engine does in key columns."""
    return b"\x06" + text.encode()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    connection.text_factory = bytes
    for pragma in (*PRAGMAS, CHECKPOINT_PAGES):
        connection.execute(f"PRAGMA {pragma}")
    for table, (columns, indexes) in TABLES.items():
        names = ", ".join(f'"k_{column}" BLOB' for column in columns)
        connection.execute(
            f'CREATE TABLE "{table}" (_seq INTEGER PRIMARY KEY AUTOINCREMENT, doc TEXT NOT NULL, {names})'
        )
        for index in indexes:
            names = ", ".join(f'"k_{column}"' for column in index.split(","))
            connection.execute(f'CREATE INDEX "{table}:{index}" ON "{table}" ({names})')
    return connection


class Threads:
    """Threads and their messages."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path)
        self._execute = self._connection.execute
        self.close = self._connection.close

    def fill(self, thread_id: str, count: int) -> None:
        """Saves a thread with so many messages."""
        time = now()
        row = {"id": thread_id, "resourceId": data.RESOURCE, "title": "A talk", "metadata": {}}
        row |= {"createdAt": time, "updatedAt": time}
        keys = [key(thread_id), key(data.RESOURCE), key(time), key(time)]
        self._execute(insert("mastra_threads"), [orjson.dumps(row).decode(), *keys])
        for first in range(0, count, 1_000):
            self.save([data.message(thread_id, n) for n in range(first, min(first + 1_000, count))])

    def save(self, messages: list[Row]) -> None:
        """Saves new messages of one thread and changes its `updatedAt`."""
        execute = self._execute
        rows = [_message_row(message) for message in messages]
        ids = [row[1] for row in rows]
        execute("BEGIN IMMEDIATE")
        found = execute(FIND_MESSAGES.format(", ".join("?" * len(ids))), ids).fetchall()
        assert not found
        self._connection.executemany(INSERT_MESSAGE, rows)
        self._update(messages[0]["thread_id"], {})
        execute("COMMIT")

    def update(self, thread_id: str, change: Row) -> Row:
        self._execute("BEGIN IMMEDIATE")
        row = self._update(thread_id, change)
        self._execute("COMMIT")
        return row

    def _update(self, thread_id: str, change: Row) -> Row:
        _, seq, doc = self._execute(FIND_THREAD, (key(thread_id),)).fetchone()
        time = now()
        row: Row = {**orjson.loads(doc), **change, "updatedAt": time}
        self._execute(UPDATE_THREAD, (orjson.dumps(row).decode(), key(time), seq))
        return row

    def get(self, thread_id: str) -> Row:
        self._execute("BEGIN")
        _, _, doc = self._execute(FIND_THREAD, (key(thread_id),)).fetchone()
        self._execute("COMMIT")
        row: Row = orjson.loads(doc)
        return row

    def list(self, query: str, thread_id: str, limit: int, *, total: bool) -> tuple[list[Row], int | None]:
        """Reads messages. Without a total, one more than wanted tells whether there are more."""
        self._execute("BEGIN")
        read = limit if total or limit < 0 else limit + 1
        found = self._execute(query, (key(thread_id), read, 0)).fetchall()
        (count,) = self._execute(COUNT, (key(thread_id),)).fetchone() if total else (None,)
        self._execute("COMMIT")
        return [_message(doc) for _, doc in (found if limit < 0 else found[:limit])], count


def _message_row(message: Row) -> list[Any]:
    created = message["created_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    id, thread_id, resource_id = message["id"], message["thread_id"], message["resource_id"]
    row = {
        "id": id,
        "thread_id": thread_id,
        "content": orjson.dumps(message["content"]).decode(),
        "role": message["role"],
        "type": message["type"],
        "createdAt": created,
        "resourceId": resource_id,
    }
    return [orjson.dumps(row).decode(), key(id), key(thread_id), key(created), key(resource_id)]


def _message(doc: bytes) -> Row:
    row: Row = orjson.loads(doc)
    row["content"] = orjson.loads(row["content"])
    return row


class Runs:
    """One run of a workflow."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path)
        self._execute = self._connection.execute
        self.close = self._connection.close
        self._key = (key(data.WORKFLOW), key(data.RUN))
        time = now()
        row = {"id": f"{data.WORKFLOW}-{data.RUN}", "workflow_name": data.WORKFLOW, "run_id": data.RUN}
        row |= {"snapshot": orjson.dumps(data.snapshot()).decode(), "createdAt": time, "updatedAt": time}
        keys = [key(row["id"]), *self._key, b"\x01", key(time), key(time)]
        self._execute(insert("mastra_workflow_snapshots"), [orjson.dumps(row).decode(), *keys])

    def load(self) -> Row:
        self._execute("BEGIN")
        _, _, doc = self._execute(FIND_RUN, self._key).fetchone()
        self._execute("COMMIT")
        snapshot: Row = orjson.loads(orjson.loads(doc)["snapshot"])
        return snapshot

    def update(self, members: Row) -> Row:
        """Changes members of the snapshot if its status is `running`."""
        self._execute("BEGIN IMMEDIATE")
        _, seq, doc = self._execute(FIND_RUN, self._key).fetchone()
        row = orjson.loads(doc)
        snapshot: Row = orjson.loads(row["snapshot"])
        assert snapshot["status"] == "running"
        snapshot |= members
        time = now()
        row |= {"snapshot": orjson.dumps(snapshot).decode(), "updatedAt": time}
        self._execute(UPDATE_RUN, (orjson.dumps(row).decode(), key(time), seq))
        self._execute("COMMIT")
        return snapshot
