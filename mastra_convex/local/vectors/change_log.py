"""The log of changes: which rows of a table with vectors were written or deleted last, by whatever process.

Triggers keep it, so that no writer can forget it. Only the last changes are held.
"""

from __future__ import annotations

import sqlite3

from mastra_convex.local.connections import quoted

_KEPT = 10_000
"""The log holds so many changes of a table; a reader that is further behind reads the vectors anew."""


def log_changes(connection: sqlite3.Connection, table: str) -> None:
    """Makes the log of a table and its triggers, which fire when columns other than `doc` change."""
    log, name = _log(table), quoted(table)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {log} (version INTEGER PRIMARY KEY, seq INTEGER NOT NULL)")
    names = [name.decode() for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    columns = ", ".join(quoted(column) for column in names if column != "doc")
    for event, row in (("INSERT", "NEW"), (f"UPDATE OF {columns}", "NEW"), ("DELETE", "OLD")):
        trigger = quoted(f"{table}:{event.split()[0]}")
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        insert = f"INSERT INTO {log} (seq) VALUES ({row}._seq)"  # noqa: S608  # quoted names
        prune = f"DELETE FROM {log} WHERE version <= last_insert_rowid() - {_KEPT}"  # noqa: S608
        connection.execute(f"CREATE TRIGGER {trigger} AFTER {event} ON {name} BEGIN {insert}; {prune}; END")


def latest_version(connection: sqlite3.Connection, table: str) -> int:
    """Returns the number of the last change."""
    (version,) = connection.execute(f"SELECT max(version) FROM {_log(table)}").fetchone()  # noqa: S608
    return version or 0


def changed_since(connection: sqlite3.Connection, table: str, version: int) -> list[int] | None:
    """Returns the rows that were written or deleted after a version; None when the log does not reach back to it."""
    log = _log(table)
    (oldest,) = connection.execute(f"SELECT min(version) FROM {log}").fetchone()  # noqa: S608
    if oldest is not None and oldest > version + 1:
        return None
    query = f"SELECT DISTINCT seq FROM {log} WHERE version > ? ORDER BY seq"  # noqa: S608
    return [seq for (seq,) in connection.execute(query, (version,))]


def _log(table: str) -> str:
    return quoted(f"{table}:changes")
