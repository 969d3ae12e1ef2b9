"""Lays declared tables out in SQLite, brings files to the present layout, and makes the SQL over it. Internal."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import cache
from typing import Final, NamedTuple

import orjson

from mastra_convex.errors import ConfigurationError, DamagedRowError, SchemaMismatchError, ValidationError, damaged_row
from mastra_convex.local.connections import MEMORY, connect, quoted
from mastra_convex.local.documents import Stored, UnreadableError, pack
from mastra_convex.local.vectors.change_log import log_changes
from mastra_convex.rows.keys import MISSING_KEY, decode_key, encode_key, field_key
from mastra_convex.rows.values import Row
from mastra_convex.tables import BY_CREATION, Index, Table

EncodedKey = tuple[bytes, ...]
"""The bytes of the fields by which a row is found."""


class Span(NamedTuple):
    """The shape of one stretch of an index: `equal` leading fields are fixed, the next one (or `_seq`) is bounded."""

    equal: int
    lower: str = ""
    upper: str = ""
    seq: str = ""


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
        self._key_positions = [self.fields.index(field) for field in table.key_fields]
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

    def key(self, columns: Sequence[bytes]) -> EncodedKey:
        """The bytes of the fields by which rows are found, of those of all key columns."""
        return tuple([columns[n] for n in self._key_positions])

    def index(self, name: str) -> Index:
        index = BY_CREATION if name == BY_CREATION.name else self.table.index_by_name.get(name)
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
        order = f" INDEXED BY {index_name(self.table, index)}" if index.fields else ""
        return f"FROM {self.name}{order}{where}"

    def terms(self, index: Index, span: Span) -> list[str]:
        """Returns the SQL terms that rows of a span satisfy."""
        columns = [quoted(key_column(field)) for field in index.fields]
        terms = [f"{column} = ?" for column in columns[: span.equal]]
        following = columns[span.equal] if span.equal < len(columns) else ""
        terms += [f"{following} {operator} ?" for operator in (span.lower, span.upper) if operator]
        return terms + ([f"_seq {span.seq} ?"] if span.seq else [])


class Session:
    """A transaction, how the tables lie in it, and how many large values were dropped in it.

    Rows that were looked up by their keys are kept, so that each is read and parsed once. While somebody watches, so
    are the key columns of rows that are written, as they were before and as they are now.
    """

    def __init__(
        self, connection: sqlite3.Connection, layouts: Mapping[str, Layout], *, is_watched: bool = False
    ) -> None:
        self.connection = connection
        self.layouts = layouts
        self.dropped = 0
        self.is_watched: bool = is_watched
        self.written: list[tuple[Layout, Sequence[bytes] | None]] = []
        self._found: dict[str, dict[EncodedKey, Stored | None]] = {}

    def layout(self, table: str) -> Layout:
        layout = self.layouts.get(table)
        if layout is None:
            raise SchemaMismatchError(f"there is no table {table!r}", code="UnknownTable", details={"table": table})
        return layout

    def found(self, layout: Layout) -> dict[EncodedKey, Stored | None]:
        """Returns the rows of a table that were looked up, None where there was none. Writes keep it up to date."""
        return self._found.setdefault(layout.table.name, {})


def damaged(connection: sqlite3.Connection, error: UnreadableError) -> DamagedRowError:
    """Returns the error of a row that cannot be read, which its key columns name; if they are damaged, its number."""
    columns = ", ".join(quoted(key_column(field)) for field in error.table.key_fields)
    query = f"SELECT {columns} FROM {quoted(error.table.name)} WHERE _seq = ?"  # noqa: S608  # quoted names
    try:
        key = [decode_key(value) for value in connection.execute(query, (error.seq,)).fetchone()]
    except (ValueError, TypeError):
        key = [f"_seq={error.seq}"]
    return damaged_row(error.table.name, key, str(error))


def index_name(table: Table, index: Index) -> str:
    """Named after its fields, so that an index that is declared anew with other fields is another one."""
    return quoted(f"{table.name}:{','.join(index.fields)}")


def _extractor(field: str) -> Callable[[Row], bytes]:
    if "." in field:
        return lambda row: field_key(row, field)

    def extract(row: Row) -> bytes:
        return encode_key(row[field]) if field in row else MISSING_KEY

    return extract


_META = """
CREATE TABLE IF NOT EXISTS _mastra_tables (name TEXT PRIMARY KEY, fields TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS _mastra_declarations (fingerprint TEXT PRIMARY KEY);
"""
"""The key columns of every table, and the sets of declarations that the file is known to serve."""


def load(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> dict[str, Layout]:
    """The layouts of the declared tables, which the file has."""
    rows = connection.execute("SELECT name, fields FROM _mastra_tables").fetchall()
    fields = {name.decode(): orjson.loads(text) for name, text in rows}
    return {name: Layout(table, fields[name], _vectors(connection, name)) for name, table in tables.items()}


def present(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> dict[str, Table]:
    """Chooses the declared tables that a file has, which is only read, so that nothing can be added to it.

    Raises ConfigurationError for a file that is not ours, or one of an older version that lacks an index.
    """
    names = {name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if "_mastra_tables" not in names:
        raise ConfigurationError("the file has no tables of ours; give the one that a store wrote")
    found = {name: table for name, table in tables.items() if name in names}
    for table in found.values():
        for index in table.indexes:
            if index_name(table, index).strip('"') not in names:
                message = f"the file lacks the index {index.name} of {table.name}, as an older version wrote it"
                raise ConfigurationError(f"{message}; open it once with a store of this version")
    return found


def _vectors(connection: sqlite3.Connection, table: str) -> list[str]:
    """The columns of floats that the file has apart."""
    prefix = vector_column("")
    columns = [name.decode() for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    return [column.removeprefix(prefix) for column in columns if column.startswith(prefix)]


def migrate(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
    """Adds what the file lacks: tables, key columns with their values, indexes. One look-up when it lacks nothing.

    Nothing is ever dropped: other programs with other declarations may share the file.
    """
    fingerprint = _fingerprint(tables.values())
    if _is_known(connection, fingerprint):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _is_known(connection, fingerprint):
            for statement in _META.strip().splitlines():
                connection.execute(statement)
            connection.create_function("mastra_key", 2, _stored_key, deterministic=True)
            connection.create_function("mastra_vector", 2, _stored_vector, deterministic=True)
            connection.create_function("mastra_rest", 2, _without_vector, deterministic=True)
            for table in tables.values():
                _migrate_table(connection, table)
            connection.execute("INSERT INTO _mastra_declarations VALUES (?)", (fingerprint,))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


_images: Final[dict[str, bytes]] = {}
"""The empty database of the last set of tables, by its fingerprint."""


def lay_out(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
    """Gives a new database in memory its tables, as a copy of an empty one: to make them takes 17 ms each time."""
    fingerprint = _fingerprint(tables.values())
    image = _images.get(fingerprint)
    if image is None:
        migrate(connection, tables)
        if hasattr(connection, "serialize"):  # a build of SQLite may lack it
            _images.clear()  # programs have one set of tables
            _images[fingerprint] = connection.serialize()
        return
    with closing(connect(MEMORY)) as empty:  # what is deserialized can never exceed 1 GiB, its copy can
        empty.deserialize(image)
        empty.backup(connection)


def _is_known(connection: sqlite3.Connection, fingerprint: str) -> bool:
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = '_mastra_declarations'").fetchone()
    query = "SELECT 1 FROM _mastra_declarations WHERE fingerprint = ?"
    return known is not None and connection.execute(query, (fingerprint,)).fetchone() is not None


def _fingerprint(tables: Iterable[Table]) -> str:
    shape = sorted(
        (table.name, sorted(index.fields for index in table.indexes), *vector_fields(table)) for table in tables
    )
    return hashlib.blake2b(orjson.dumps(shape), digest_size=16).hexdigest()


def _opened(doc: bytes | str) -> Row:
    """Returns a row of the file; an empty one for a row that is damaged, which stays as it is."""
    try:
        row = orjson.loads(doc)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _stored_key(doc: bytes | str, field: str) -> bytes:
    return field_key(_opened(doc), field)


def _stored_vector(doc: bytes | str, field: str) -> bytes | None:
    value = _opened(doc).get(field)
    try:
        return pack(value, field) if isinstance(value, list) else None
    except ValidationError:  # it stays in the JSON, where reading reports it
        return None


def _without_vector(doc: bytes | str, field: str) -> bytes | str:
    row = _opened(doc)
    if _stored_vector(doc, field) is None:
        return doc
    del row[field]
    return orjson.dumps(row).decode()


def _migrate_table(connection: sqlite3.Connection, table: Table) -> None:
    query = "SELECT fields FROM _mastra_tables WHERE name = ?"
    found = connection.execute(query, (table.name,)).fetchone()
    fields: list[str] = orjson.loads(found[0]) if found else []
    added = [field for field in index_fields(table) if field not in fields]
    if found is None:
        _create(connection, table, added)
    else:
        _add_columns(connection, table, added)
    _add_vectors(connection, table)
    text = orjson.dumps([*fields, *added]).decode()
    connection.execute("INSERT OR REPLACE INTO _mastra_tables VALUES (?, ?)", (table.name, text))
    for index in table.indexes:
        columns = ", ".join(quoted(key_column(field)) for field in index.fields)
        name = index_name(table, index)
        connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(table.name)} ({columns})")


def _create(connection: sqlite3.Connection, table: Table, fields: Iterable[str]) -> None:
    taken = connection.execute("SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?)", (table.name,)).fetchone()
    if taken or table.name.lower().startswith("sqlite_"):
        raise ConfigurationError(f"the database has a table {table.name!r} that is not ours")
    columns = ["_seq INTEGER PRIMARY KEY AUTOINCREMENT", "doc TEXT NOT NULL"]
    columns += [f"{quoted(key_column(field))} BLOB" for field in fields]
    connection.execute(f"CREATE TABLE {quoted(table.name)} ({', '.join(columns)})")


def _add_columns(connection: sqlite3.Connection, table: Table, fields: list[str]) -> None:
    for field in fields:
        connection.execute(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {quoted(key_column(field))} BLOB")
    if fields:
        assignments = ", ".join(f"{quoted(key_column(field))} = mastra_key(doc, ?)" for field in fields)
        connection.execute(f"UPDATE {quoted(table.name)} SET {assignments}", fields)  # noqa: S608


def _add_vectors(connection: sqlite3.Connection, table: Table) -> None:
    """A column of its own for each column of floats; its values leave the JSON."""
    name = quoted(table.name)
    known = _vectors(connection, table.name)
    for field in vector_fields(table):
        if field not in known:
            column = quoted(vector_column(field))
            connection.execute(f"ALTER TABLE {name} ADD COLUMN {column} BLOB")
            changes = f"{column} = mastra_vector(doc, ?), doc = mastra_rest(doc, ?)"
            connection.execute(f"UPDATE {name} SET {changes}", (field, field))  # noqa: S608
            known.append(field)
    if known:
        log_changes(connection, table.name)
