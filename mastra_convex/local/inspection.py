"""Looks a file over for `mastra-convex doctor`: whether it is whole, what it lacks, and which rows cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mastra_convex.errors import MastraConvexError
from mastra_convex.local.connections import connect_to_read, quoted, translated
from mastra_convex.local.documents import UnreadableError, check_columns, check_complete
from mastra_convex.local.schema import Layout, damaged, index_name, key_column, load
from mastra_convex.tables import CORE_TABLES, Table, deployed

_MOST_NAMED: Final = 100
"""At most so many damaged rows are named; the others are counted."""


@dataclass(frozen=True)
class Inspection:
    """`missing_tables` and `missing_indexes` (`table.index`) are added when the file is opened the next time.

    `damaged_rows` says of each row what is wrong with it, and which row it is; `damaged_count` counts them all.
    """

    damage: list[str]
    tables: int
    missing_tables: list[str]
    indexes: int
    missing_indexes: list[str]
    damaged_rows: list[str]
    damaged_count: int


def inspect_file(path: Path, tables: Iterable[Table]) -> Inspection:
    """Reads the whole file, row by row, and looks for what these tables need.

    Raises ConfigurationError when it cannot be opened.
    """
    with translated(str(path)), closing(connect_to_read(str(path))) as connection:
        names = {name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        damage = [text.decode() for (text,) in connection.execute("PRAGMA integrity_check") if text != b"ok"]
        needed = deployed([*tables, *CORE_TABLES])
        found = {name: table for name, table in needed.items() if name in names}
        rows, count = _damaged_rows(connection, found) if "_mastra_tables" in names and not damage else ([], 0)
    indexes = {
        f"{name}.{index.name}": index_name(table, index).strip('"')
        for name, table in found.items()
        for index in table.indexes
    }
    missing = [name for name, stored in indexes.items() if stored not in names]
    return Inspection(
        damage, len(found), [*(needed.keys() - found.keys())], len(indexes) - len(missing), missing, rows, count
    )


def _damaged_rows(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> tuple[list[str], int]:
    named: list[str] = []
    count = 0
    ours = {name.decode() for (name,) in connection.execute("SELECT name FROM _mastra_tables")}
    for layout in load(connection, {name: table for name, table in tables.items() if name in ours}).values():
        for error in _unreadable(connection, layout):
            count += 1
            if count <= _MOST_NAMED:
                named.append(damaged(connection, error).message)
    return named, count


def _unreadable(connection: sqlite3.Connection, layout: Layout) -> Iterator[UnreadableError]:
    """Finds the rows of a table that cannot be read, do not fit their declaration, or are not where indexes say."""
    keys = ", ".join(quoted(key_column(field)) for field in layout.fields)
    stored_columns = layout.columns.count(",") + 1
    for values in connection.execute(f"SELECT {layout.columns}, {keys} FROM {layout.name}"):  # noqa: S608  # quoted
        stored = layout.stored(*values[:stored_columns])
        try:
            row = stored.row(layout.table)
            check_columns(layout.table, row, row.keys() & layout.table.field_by_name.keys())
            check_complete(layout.table, row)
        except UnreadableError as error:
            yield error
        except MastraConvexError as error:
            yield UnreadableError(layout.table, stored.seq, error.message)
        else:
            if layout.keys(row) != [*values[stored_columns:]]:
                yield UnreadableError(layout.table, stored.seq, "its key columns are not those of its JSON")
