"""How a declared table lies in SQLite, and the SQL over it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from mastra_convex.engine.protocol import Row
from mastra_convex.errors import SchemaMismatchError
from mastra_convex.local.documents import Stored
from mastra_convex.rows.keys import MISSING_KEY, encode_key
from mastra_convex.tables import Index, Table


class Span(NamedTuple):
    """The shape of one stretch of an index: `equal` leading fields are fixed, the next one (or `_seq`) is bounded."""

    equal: int
    lower: str = ""
    upper: str = ""
    seq: str = ""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def key_column(field: str) -> str:
    return f"k_{field}"


def vector_column(field: str) -> str:
    return f"v_{field}"


def vector_fields(table: Table) -> list[str]:
    """The columns of floats."""
    return [field.name for field in table.fields if field.type == "floats"]


def index_fields(table: Table) -> list[str]:
    """All fields, nested ones included, that occur in an index, in order of their appearance."""
    return list(dict.fromkeys(field for index in table.indexes for field in index.fields))


def field_key(row: Row, field: str) -> bytes:
    """The key bytes of one index field of a row."""
    value: Any = row
    for name in field.split("."):
        if not isinstance(value, dict) or name not in value:
            return MISSING_KEY
        value = value[name]
    return encode_key(value)


class Layout:
    """A table as it lies in a file: its key columns, those that only other programs declare included, and its SQL.

    A row is `_seq` (creation order), `doc` (the row as JSON), a key column `k_<field>` for each indexed field and a
    column `v_<field>` for each column of floats, which is not in `doc`.
    """

    def __init__(self, table: Table, fields: Sequence[str], vectors: Sequence[str]) -> None:
        self.table = table
        self.fields: tuple[str, ...] = tuple(fields)
        self.vectors: tuple[str, ...] = tuple(vectors)
        self.name: str = quoted(table.name)
        self.key_fields: tuple[str, ...] = table.key_fields
        self.key_columns: list[str] = [quoted(key_column(field)) for field in table.key_fields]
        self.extract: list[Callable[[Row], bytes]] = [_extractor(field) for field in self.fields]
        self.extract_key: list[Callable[[Row], bytes]] = [_extractor(field) for field in table.key_fields]
        vector_columns = [quoted(vector_column(field)) for field in self.vectors]
        self.columns: str = ", ".join(["_seq", "doc", *vector_columns])
        self.stored: Callable[..., Stored] = self._stored if vectors else Stored
        self._written = [*(quoted(key_column(field)) for field in self.fields), *vector_columns]
        columns = ["doc", *self._written]
        marks = ", ".join("?" * len(columns))
        self.insert: str = f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  # quoted names
        self.delete: str = f"DELETE FROM {self.name} WHERE _seq = ?"  # noqa: S608
        self.update: Callable[[tuple[int, ...]], str] = cache(self._update)
        self.by_keys: Callable[[int], str] = cache(self._by_keys)
        self.select: Callable[[Index, Span, bool, str], str] = cache(self._select)
        self.count: Callable[[Index, Span], str] = cache(self._count)

    def keys(self, row: Row) -> list[bytes]:
        """The bytes of all key columns."""
        return [extract(row) for extract in self.extract]

    def key(self, row: Row) -> tuple[bytes, ...]:
        """The bytes of the fields by which rows are found."""
        return tuple([extract(row) for extract in self.extract_key])

    def index(self, name: str) -> Index:
        index = self.table.index_by_name.get(name)
        if index is None:
            raise SchemaMismatchError(
                f"{self.table.name} has no index {name!r}", code="UnknownIndex", details={"table": self.table.name}
            )
        return index

    def _stored(self, seq: int, doc: bytes, *vectors: bytes | None) -> Stored:
        """A row of `columns`."""
        named = zip(self.vectors, vectors, strict=True)
        return Stored(seq, doc, tuple([(name, vector) for name, vector in named if vector is not None]))

    def _update(self, changed: tuple[int, ...]) -> str:
        """Writes `doc` and those key and vector columns, by their positions among all of them."""
        assignments = ["doc = ?", *(f"{self._written[n]} = ?" for n in changed)]
        return f"UPDATE {self.name} SET {', '.join(assignments)} WHERE _seq = ?"  # noqa: S608

    def _by_keys(self, count: int) -> str:
        """Rows by `count` values of the one key field, or by one key of several fields, in no order."""
        if len(self.key_columns) == 1:
            where = (
                f"{self.key_columns[0]} IN ({', '.join('?' * count)})" if count > 1 else f"{self.key_columns[0]} = ?"
            )
        else:
            where = " AND ".join(f"{column} = ?" for column in self.key_columns)
        return f"SELECT {self.key_columns[0]}, {self.columns} FROM {self.name} WHERE {where}"  # noqa: S608

    def _select(self, index: Index, span: Span, descending: bool, columns: str) -> str:
        """Rows of a span in order; its last two parameters are limit and offset."""
        rest = [*(quoted(key_column(field)) for field in index.fields[span.equal :]), "_seq"]
        order = ", ".join(f"{column} DESC" if descending else column for column in rest)
        return f"SELECT {columns} {self._from(index, span)} ORDER BY {order} LIMIT ? OFFSET ?"

    def _count(self, index: Index, span: Span) -> str:
        return f"SELECT count(*) {self._from(index, span)}"

    def _from(self, index: Index, span: Span) -> str:
        terms = self.terms(index, span)
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        return f"FROM {self.name} INDEXED BY {index_name(self.table, index)}{where}"

    def terms(self, index: Index, span: Span) -> list[str]:
        """What a row of a span satisfies, in SQL."""
        columns = [quoted(key_column(field)) for field in index.fields]
        terms = [f"{column} = ?" for column in columns[: span.equal]]
        following = columns[span.equal] if span.equal < len(columns) else ""
        terms += [f"{following} {operator} ?" for operator in (span.lower, span.upper) if operator]
        return terms + ([f"_seq {span.seq} ?"] if span.seq else [])


@dataclass(slots=True)
class Session:
    """A transaction, how the tables lie in it, and how many large values were dropped in it."""

    connection: sqlite3.Connection
    layouts: Mapping[str, Layout]
    dropped: int = 0

    def layout(self, table: str) -> Layout:
        layout = self.layouts.get(table)
        if layout is None:
            raise SchemaMismatchError(f"there is no table {table!r}", code="UnknownTable", details={"table": table})
        return layout


def index_name(table: Table, index: Index) -> str:
    """Named after its fields, so that an index that is declared anew with other fields is another one."""
    return quoted(f"{table.name}:{','.join(index.fields)}")


def _extractor(field: str) -> Callable[[Row], bytes]:
    if "." in field:
        return lambda row: field_key(row, field)

    def extract(row: Row) -> bytes:
        return encode_key(row[field]) if field in row else MISSING_KEY

    return extract
