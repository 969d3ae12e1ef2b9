"""Copies a database while others use it, by SQLite's online backup. Internal."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from mastra_convex.errors import ConfigurationError


def write_backup(source: sqlite3.Connection, path: Path) -> None:
    """Writes all committed data into a new file, which is there whole or not at all.

    All pages are copied in one step, on one snapshot: writers are not held up, and do not make it begin anew.
    Raises ConfigurationError where the file exists.
    """
    if path.exists():
        raise ConfigurationError(f"{str(path)!r} exists; give the path of a new file", details={"path": str(path)})
    part = path.with_name(f"{path.name}.part")
    try:
        with contextlib.closing(sqlite3.connect(part)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # so that the copy is one file
        os.link(part, path)  # fails where somebody made the file meanwhile
    except FileExistsError:
        raise ConfigurationError(f"{str(path)!r} exists; give the path of a new file") from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(part)
