"""Declares tables, from which the Convex schema and the SQLite tables are generated (docs/contract.md, "Tables")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

from mastra_convex.errors import ConfigurationError

FieldType = Literal["string", "number", "boolean", "any", "strings", "floats"]

_TYPES = get_args(FieldType)

_IDENTIFIER = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_INDEXES = 32
_MAX_INDEX_FIELDS = 15
_MAX_VECTOR_INDEXES = 4
_MIN_DIMENSIONS, _MAX_DIMENSIONS = 2, 4096
_MAX_FILTER_FIELDS = 16


def nearest_of(name: object, known: Iterable[str]) -> str:
    """Returns the end of an error's text: the nearest of the known names, if one is near, and all of them."""
    from difflib import get_close_matches  # noqa: PLC0415  # needed for errors only

    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return f"{guess} (there are: {', '.join(names) or 'none'})"


def _check_tuple(where: str, name: str, values: object, kind: type[Any]) -> None:
    """Refuses a list, a text in place of a tuple, and members of another type."""
    if not isinstance(values, tuple) or not all(isinstance(value, kind) for value in values):
        hint = f"; a tuple of one is written ({values!r},)" if isinstance(values, kind) else ""
        raise ConfigurationError(f"{where}: {name} must be a tuple of {kind.__name__}{hint}")


@dataclass(frozen=True)
class Field:
    """Declares a column.

    A row must have each column, with a value of its type, unless an option says otherwise. Raises ConfigurationError
    for an unknown type, and for options that do not go with the type.

    Attributes:
        name: the name of the column.
        type: its Convex validator: `string` (also for times, as ISO text), `number` (float64), `boolean`, `any` (a raw
            JSON value), or an array: `strings`, `floats` (a vector).
        json: the string of the column is JSON text, in which any key is allowed; conditions and edits go through it.
        optional: the column may be missing; `encode_row` leaves it out where the value is None.
        nullable: the column accepts null; `encode_row` stores None as null.
        large: a text, JSON text or raw value that is too large for a document is kept in chunks (docs/protocol.md,
            "Large values").
    """

    name: str
    type: FieldType = "string"
    json: bool = False
    optional: bool = False
    nullable: bool = False
    large: bool = False

    def __post_init__(self) -> None:
        if self.type not in _TYPES:
            raise ConfigurationError(f"{self.name}: no type {self.type!r} of a column{nearest_of(self.type, _TYPES)}")
        if self.json and self.type not in ("string", "any"):
            raise ConfigurationError(f"{self.name}: JSON text is in a column of type string, not {self.type}")


@dataclass(frozen=True)
class Index:
    """Declares an index, to whose fields Convex appends `_creationTime`.

    Attributes:
        name: the name of the index.
        fields: columns, or members inside a raw column (`metadata.group`), in order.
        extra: `@mastra/convex` lacks this index.
    """

    name: str
    fields: tuple[str, ...]
    extra: bool = False

    def __post_init__(self) -> None:
        _check_tuple(f"index {self.name}", "fields", self.fields, str)


BY_CREATION = Index("by_creation_time", ())
"""Is an index of every table, as on Convex: its rows in the order in which they were made."""


@dataclass(frozen=True)
class VectorIndex:
    """Declares a native vector index of Convex over a `floats` column, for vectors of one length.

    Convex takes 2 to 4,096 dimensions, 16 filter fields and 4 vector indexes on a table.

    Attributes:
        name: the name of the index.
        field: the column with the vectors.
        dimensions: the length of the vectors.
        filters: fields by one of which a native search can filter, from the least to the most selective.
    """

    name: str
    field: str
    dimensions: int
    filters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_tuple(f"vector index {self.name}", "filters", self.filters, str)


@dataclass(frozen=True)
class Owner:
    """Declares that each row belongs to a row of another table, and is deleted with it.

    Attributes:
        table: the other table.
        index: an index of this table whose first field is the `id` of the row that owns it, or where the other table
            has none the first field of its key.
        optional: the rows are deleted only if the caller asks for it.
    """

    table: str
    index: str
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """Declares a Convex table: its columns, indexes and key.

    Raises ConfigurationError for names that lead nowhere, for two indexes over equal fields, and for what Convex would
    refuse (docs/protocol.md, "Limits of Convex").

    Attributes:
        name: the name of the table.
        fields: the columns.
        indexes: the indexes.
        key: the index by whose fields rows are got, put, patched and deleted.
        owner: the table to whose rows these rows belong.
        shared: the table is one of `@mastra/convex/schema`.
        stored_in: the host table that keeps the rows of this one as records; this one is then not deployed
            (docs/adding-a-domain.md).
        vector_indexes: native vector indexes.
        resource: the column, or member of one (`metadata.resource_id`), that names the resource a row belongs to. Rows
            that belong to other rows go with these and need none.
        beside: the table whose row of the same key a row belongs to when all of one resource is moved or erased.
    """

    name: str
    fields: tuple[Field, ...]
    indexes: tuple[Index, ...]
    key: str = "by_record_id"
    owner: Owner | None = None
    shared: bool = False
    stored_in: Table | None = None
    vector_indexes: tuple[VectorIndex, ...] = ()
    resource: str | None = None
    beside: str | None = None

    def __post_init__(self) -> None:
        for name, kind in (("fields", Field), ("indexes", Index), ("vector_indexes", VectorIndex)):
            _check_tuple(str(self.name), name, getattr(self, name), kind)
        self._check_names("field", [field.name for field in self.fields])
        self._check_names("index", [index.name for index in self.indexes])
        self._check_names("table", [self.name])
        if len(self.indexes) > _MAX_INDEXES:
            raise ConfigurationError(f"{self.name}: more than {_MAX_INDEXES} indexes")
        seen: dict[tuple[str, ...], str] = {}
        for index in self.indexes:
            self._check_index(index, seen)
        self._check_key()
        self._check_large()
        if self.owner is not None:
            self._check_owner(self.owner)
        if self.stored_in is not None:
            self._check_host(self.stored_in)
        self._check_vector_indexes()
        if self.resource is not None:
            self._check_column(self.name, self.resource)

    def _check_key(self) -> None:
        if self.key not in self.index_by_name:
            hint = nearest_of(self.key, self.index_by_name)
            raise ConfigurationError(f"{self.name}: no index {self.key!r} for the key{hint}")

    def _check_owner(self, owner: Owner) -> None:
        if owner.index not in self.index_by_name:
            hint = nearest_of(owner.index, self.index_by_name)
            raise ConfigurationError(f"{self.name}: no index {owner.index!r} for the owner{hint}")
        first = self.index_by_name[owner.index].fields[0]
        if "." not in first and self.field_by_name[first].type not in ("string", "any"):
            raise ConfigurationError(f"{self.name}: {first!r}, the first field of {owner.index}, is no id of an owner")

    def _check_large(self) -> None:
        indexed = {name.split(".", 1)[0] for index in self.indexes for name in index.fields}
        for field in self.fields:
            if field.large and (field.name in indexed or field.type not in ("string", "any")):
                raise ConfigurationError(
                    f"{self.name}.{field.name}: a large column is a text or any value, not indexed"
                )

    def _check_vector_indexes(self) -> None:
        names = [index.name for index in self.indexes]
        self._check_names("index", names + [index.name for index in self.vector_indexes])
        if len(self.vector_indexes) > _MAX_VECTOR_INDEXES:
            raise ConfigurationError(f"{self.name}: more than {_MAX_VECTOR_INDEXES} vector indexes")
        for index in self.vector_indexes:
            where = f"{self.name}.{index.name}"
            if not _MIN_DIMENSIONS <= index.dimensions <= _MAX_DIMENSIONS:
                raise ConfigurationError(f"{where}: {_MIN_DIMENSIONS} to {_MAX_DIMENSIONS} dimensions")
            if len(set(index.filters)) != len(index.filters) or len(index.filters) > _MAX_FILTER_FIELDS:
                raise ConfigurationError(f"{where}: at most {_MAX_FILTER_FIELDS} different filter fields")
            if getattr(self.field_by_name.get(index.field), "type", None) != "floats":
                hint = nearest_of(index.field, [field.name for field in self.fields if field.type == "floats"])
                raise ConfigurationError(f"{where}: {index.field!r} is no column of floats{hint}")
            for field in index.filters:
                self._check_column(where, field)

    def _check_host(self, host: Table) -> None:
        """Checks that the host has three columns: table and id, which are its key, and the record."""
        if len(host.fields) != 3 or len(host.key_fields) != 2 or len(host.raw_columns) != 1:
            raise ConfigurationError(f"{self.name}: {host.name} does not hold the rows of other tables")
        if self.key_fields != ("id",) or self.field_by_name["id"] != Field("id"):
            raise ConfigurationError(f"{self.name}: the key of a table in {host.name} is the text column 'id'")
        if any(field.json for field in self.fields):
            raise ConfigurationError(f"{self.name}: a table in {host.name} has raw columns in place of JSON text")
        if self.vector_indexes:
            raise ConfigurationError(f"{self.name}: a table in {host.name} has no vector indexes")

    def _check_names(self, what: str, names: list[str]) -> None:
        for name in names:
            if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name) or name.startswith("_"):
                raise ConfigurationError(f"{self.name}: {name!r} is not a legal {what} name")
        folded = [name.lower() for name in names]
        for name in names:
            if folded.count(name.lower()) > 1:
                raise ConfigurationError(f"{self.name}: two {what} names that differ by case at most: {name!r}")

    def _check_index(self, index: Index, seen: dict[tuple[str, ...], str]) -> None:
        where = f"{self.name}.{index.name}"
        if index.name in ("by_id", BY_CREATION.name):
            raise ConfigurationError(f"{where}: the name is reserved by Convex")
        if not 1 <= len(index.fields) <= _MAX_INDEX_FIELDS or len(set(index.fields)) != len(index.fields):
            raise ConfigurationError(f"{where}: an index has 1 to {_MAX_INDEX_FIELDS} different fields")
        for field in index.fields:
            self._check_column(where, field)
            if self.field_by_name[field.partition(".")[0]].type == "floats":
                raise ConfigurationError(f"{where}: {field!r} is a vector, which a VectorIndex indexes")
        if index.fields in seen:
            raise ConfigurationError(f"{where}: the same fields as {seen[index.fields]!r}")
        seen[index.fields] = index.name

    def _check_column(self, where: str, field: str) -> None:
        """Refuses a field of an index that is no column, nor a member of an object in one."""
        column, _, member = field.partition(".")
        if column not in self.field_by_name:
            hint = nearest_of(column, self.field_by_name)
            raise ConfigurationError(f"{where}: no column for field {field!r}{hint}")
        if member and self.field_by_name[column].type != "any":
            raise ConfigurationError(f"{where}: the column {column!r} has no members, so no {field!r}")

    @cached_property
    def field_by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def indexed_members(self) -> frozenset[tuple[str, ...]]:
        """Returns the paths of the members of columns that indexes name."""
        named = {name for index in self.indexes for name in index.fields}
        return frozenset(tuple(name.split(".", 1)) for name in named if "." in name)

    @cached_property
    def coded_fields(self) -> tuple[Field, ...]:
        """Returns the columns that are stored in another form than Python has them."""
        return tuple(field for field in self.fields if field.json or field.type in ("any", "number"))

    @cached_property
    def index_by_name(self) -> Mapping[str, Index]:
        return {index.name: index for index in self.indexes}

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """Returns the columns that identify a row."""
        return self.index_by_name[self.key].fields

    @property
    def owner_field(self) -> str:
        """Returns the column by which rows of other tables name the row that they belong to."""
        return "id" if "id" in self.field_by_name else self.key_fields[0]

    @cached_property
    def required_key(self) -> tuple[str, ...]:
        """Returns the columns of the key that no row may lack."""
        return tuple(name for name in self.key_fields if name in self.required)

    @cached_property
    def large_columns(self) -> tuple[Field, ...]:
        """Returns the columns whose values may be kept in chunks."""
        return tuple(field for field in self.fields if field.large)

    @cached_property
    def large_names(self) -> frozenset[str]:
        """The names of `large_columns`."""
        return frozenset(field.name for field in self.large_columns)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the columns that no row may lack."""
        return tuple(field.name for field in self.fields if not field.optional)

    @cached_property
    def whole(self) -> Table:
        """Returns the table as one without large columns: in its rows nothing is a reference."""
        return replace(self, fields=tuple(replace(field, large=False) for field in self.fields))

    def key_of(self, row: Mapping[str, Any]) -> list[Any]:
        """Returns the key of a row."""
        return [row.get(field) for field in self.key_fields]

    @cached_property
    def raw_columns(self) -> tuple[str, ...]:
        """Returns the columns that hold raw JSON values."""
        return tuple(field.name for field in self.fields if field.type == "any" and not field.json)


def by_name(tables: Iterable[Table]) -> dict[str, Table]:
    """Returns tables by their name. Raises ConfigurationError when two declarations of one name differ."""
    found: dict[str, Table] = {}
    for table in tables:
        if found.setdefault(table.name, table) != table:
            raise ConfigurationError(f"two different declarations of table {table.name!r}")
    names = [name.lower() for name in found]
    for name in found:
        if names.count(name.lower()) > 1:
            raise ConfigurationError(f"two table names that differ by case only: {name!r}")
    return found


def deployed(tables: Iterable[Table]) -> dict[str, Table]:
    """Returns the tables that a database must have for these, by name: themselves, or their hosts."""
    return by_name([table.stored_in or table for table in by_name(tables).values()])


RECEIPTS = Table(
    name="mastra_receipts",
    fields=(Field("id"), Field("outcome", json=True)),
    indexes=(Index("by_record_id", ("id",)),),
)
"""Has one row per commit that came over HTTP: its id and outcome, so that a repeated commit is applied once."""

LARGE_VALUES = Table(
    name="mastra_large_values",
    fields=(Field("id"), Field("owner"), Field("chunks", "number"), Field("state"), Field("since", "number")),
    indexes=(Index("by_record_id", ("id",)), Index("by_state", ("state", "since"))),
)
"""Has one row per generation of a value that is kept in chunks (docs/protocol.md, "Large values").

`owner` is the JSON text of `[table, *key]` of the row that refers to it; `state` is `pending` while chunks arrive,
`live`, or `dropped` when its row no longer refers to it; `since` is when it became so, or was last found to be so, in
milliseconds.
"""

CHUNKS = Table(
    name="mastra_chunks",
    fields=(Field("generation"), Field("position", "number"), Field("data")),
    indexes=(Index("by_generation", ("generation", "position")),),
    key="by_generation",
)
"""Has the parts of large values, written once: base64 of the deflated JSON text."""

CORE_TABLES = (RECEIPTS, LARGE_VALUES, CHUNKS)
"""Tables that every database has beside those of domains."""
