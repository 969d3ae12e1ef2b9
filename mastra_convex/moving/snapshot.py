"""Convex's snapshot files: a ZIP with the rows of each table as JSON lines (docs/moving.md, "The file")."""

from __future__ import annotations

import base64
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import orjson

from mastra_convex.errors import ValidationError
from mastra_convex.rows.explain import shown
from mastra_convex.rows.values import MAX_SAFE_INTEGER, Row, plain_numbers

_ROWS: Final = "documents.jsonl"
_FIRST_TABLE: Final = 10_001
_MAX_LINE: Final = 16 << 20
"""Bytes of a line; Convex's documents have at most 1 MiB."""
_PAGE_BYTES: Final = 4 << 20

_README: Final = """\
This is a snapshot of the data of an agent, made by mastra_convex.

Each folder is a table, and each line of its documents.jsonl is a row. `npx convex import snapshot.zip` takes this file,
and so does `mastra-convex import snapshot.zip`.
"""


class SnapshotWriter:
    """Writes a snapshot, one table after the other. Its methods work on files: call them in a thread.

    Args:
        path: the file, which is made or replaced.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._tables: list[str] = []
        self._entry: IO[bytes] | None = None
        self._add("README.md", _README.encode())

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Adds rows to a table; all rows of one table come together."""
        if self._entry is None or self._tables[-1] != table:
            self._end()
            self._tables.append(table)
            self._add(f"{table}/generated_schema.jsonl", b'"uniform"\n')
            self._entry = self._zip.open(_info(f"{table}/{_ROWS}"), "w", force_zip64=True)
        self._entry.write(_lines([_exported(row) for row in rows]))

    def finish(self) -> None:
        """Ends the file."""
        self._end()
        numbers = [{"name": name, "id": number} for number, name in enumerate(self._tables, _FIRST_TABLE)]
        self._add(f"_tables/{_ROWS}", _lines(numbers))
        self._zip.close()

    def abandon(self) -> None:
        """Closes the file as it is."""
        self._end()
        self._zip.close()

    def _end(self) -> None:
        if self._entry is not None:
            self._entry.close()
            self._entry = None

    def _add(self, name: str, data: bytes) -> None:
        self._zip.writestr(_info(name), data)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _exported(row: Row) -> Row:
    """Returns a row as Convex exports it: without its id, which the next database gives, and the time as a float."""
    return {**row, "_creationTime": float(row["_creationTime"])}


class SnapshotReader:
    """Reads a snapshot, also one that the dashboard or `npx convex export` made. Call its methods in a thread.

    Args:
        path: the file.

    Raises:
        ValidationError: the file is no ZIP, is damaged, or has no table.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValidationError(f"{str(path)!r} is no ZIP file, or a damaged one: {error}") from error
        self._path = path
        self._entries = self._tables()

    @property
    def tables(self) -> Sequence[str]:
        """The names of the tables that the file has."""
        return list(self._entries)

    def pages(self, table: str) -> Iterator[list[Row]]:
        """Yields the rows of a table in pages, in the order of the file. Raises ValidationError for a damaged line."""
        page: list[Row] = []
        size = 0
        try:
            with self._zip.open(self._entries[table]) as entry:
                for number, line in enumerate(iter(lambda: entry.readline(_MAX_LINE + 1), b""), 1):
                    if line.strip():
                        page.append(self._row(line, table, number))
                        size += len(line)
                    if size > _PAGE_BYTES:
                        yield page
                        page, size = [], 0
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise ValidationError(f"{str(self._path)!r} is damaged in table {table}: {error}") from error
        if page:
            yield page

    def close(self) -> None:
        """Closes the file."""
        self._zip.close()

    def _tables(self) -> dict[str, str]:
        """Returns the entries with rows by table. Those of Convex's own tables and of components are left out."""
        found: dict[str, str] = {}
        for name in self._zip.namelist():
            *folders, last = name.split("/")
            if last != _ROWS or not folders or any(folder.startswith("_") for folder in folders):
                continue
            if folders[-1] in found:
                raise ValidationError(f"{str(self._path)!r} has the table {folders[-1]!r} twice")
            found[folders[-1]] = name
        if not found:
            wanted = "<table>/documents.jsonl, as `npx convex export` and `mastra-convex export` write"
            raise ValidationError(f"{str(self._path)!r} is no snapshot: it has no file {wanted}")
        return found

    def _row(self, line: bytes, table: str, number: int) -> Row:
        where = f"{str(self._path)!r}: {table}, line {number}"
        if len(line) > _MAX_LINE:
            raise ValidationError(f"{where} is longer than {_MAX_LINE} bytes; a row of Convex has at most 1 MiB")
        try:
            row = orjson.loads(line)
        except ValueError as error:
            raise ValidationError(f"{where} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValidationError(f"{where} is no object: {shown(row)}")
        columns: Row = plain_numbers(row)
        return {name: _value(value, f"{where}: {name}") for name, value in columns.items()}


def _value(value: Any, where: str) -> Any:
    """Returns a value that Convex exported. Raises ValidationError for one that JSON does not have."""
    if isinstance(value, list):
        return [_value(item, where) for item in value]
    if not isinstance(value, dict):
        return value
    members: dict[str, Any] = value
    match list(members.items()):
        case [("$integer", str(text))]:
            (number,) = struct.unpack("<q", base64.b64decode(text))
            if abs(number) <= MAX_SAFE_INTEGER:
                return number
            raise ValidationError(f"{where} is {number}, a larger integer than a JSON number holds exactly")
        case [("$float", str(text))]:
            (real,) = struct.unpack("<d", base64.b64decode(text))
            if math.isfinite(real):
                return 0 if real == 0 else real
            raise ValidationError(f"{where} is {real}, which is no JSON number")
        case [("$bytes", _)]:
            raise ValidationError(f"{where} has bytes, which no table of this package holds")
        case _:
            return {name: _value(item, where) for name, item in members.items()}
