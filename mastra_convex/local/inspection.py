"""What is in a file, found out without changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mastra_convex.local.connections import translated
from mastra_convex.local.schema import index_name
from mastra_convex.tables import CORE_TABLES, Table, deployed


@dataclass(frozen=True)
class Inspection:
    """`missing_tables` and `missing_indexes` (`table.index`) are added when the file is opened the next time."""

    damage: list[str]
    tables: int
    missing_tables: list[str]
    indexes: int
    missing_indexes: list[str]


def inspect(path: Path, tables: Iterable[Table]) -> Inspection:
    """Checks the whole file, and looks for what these tables need. ConfigurationError when it cannot be opened."""
    with translated(str(path)), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        damage = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    needed = deployed([*tables, *CORE_TABLES]).values()
    missing = [table.name for table in needed if table.name not in names]
    found = [table for table in needed if table.name in names]
    indexes = {
        f"{table.name}.{index.name}": index_name(table, index).strip('"') for table in found for index in table.indexes
    }
    missing_indexes = [name for name, stored in indexes.items() if stored not in names]
    return Inspection(damage, len(found), missing, len(indexes) - len(missing_indexes), missing_indexes)
