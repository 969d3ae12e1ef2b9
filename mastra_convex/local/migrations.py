"""Brings a file to the tables that are declared now; safe with several processes on one file."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping

import orjson

from mastra_convex.errors import ConfigurationError
from mastra_convex.local.documents import pack
from mastra_convex.local.schema import (
    Layout,
    field_key,
    index_fields,
    index_name,
    key_column,
    quoted,
    vector_column,
    vector_fields,
)
from mastra_convex.local.vectors.change_log import log_changes
from mastra_convex.tables import Table

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


def _is_known(connection: sqlite3.Connection, fingerprint: str) -> bool:
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = '_mastra_declarations'").fetchone()
    query = "SELECT 1 FROM _mastra_declarations WHERE fingerprint = ?"
    return known is not None and connection.execute(query, (fingerprint,)).fetchone() is not None


def _fingerprint(tables: Iterable[Table]) -> str:
    shape = sorted(
        (table.name, sorted(index.fields for index in table.indexes), *vector_fields(table)) for table in tables
    )
    return hashlib.blake2b(orjson.dumps(shape), digest_size=16).hexdigest()


def _stored_key(doc: bytes | str, field: str) -> bytes:
    return field_key(orjson.loads(doc), field)


def _stored_vector(doc: bytes | str, field: str) -> bytes | None:
    value = orjson.loads(doc).get(field)
    return pack(value, field) if isinstance(value, list) else None


def _without_vector(doc: bytes | str, field: str) -> str:
    row = orjson.loads(doc)
    if isinstance(row.get(field), list):
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
