"""The generated TypeScript: `convex_functions/mastra/schema.ts`, and the lines for an app that has tables of Mastra.

Text only; nothing is read or written here. `mastra-convex schema` writes the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mastra_convex.errors import ConfigurationError
from mastra_convex.tables import CORE_TABLES, Field, FieldType, Index, Table, VectorIndex, deployed
from mastra_convex.version import VERSION

DEFAULT_PATH: Final = "mastra"
"""The folder of our functions below `convex/`, unless another one is chosen."""

_WIDTH: Final = 120

_VALIDATORS: Final[dict[FieldType, str]] = {
    "string": "v.string()",
    "number": "v.number()",
    "boolean": "v.boolean()",
    "any": "v.any()",
    "strings": "v.array(v.string())",
    "floats": "v.array(v.float64())",
}

_SHARED_CONSTANTS: Final = {
    "mastra_background_tasks": "mastraBackgroundTasksTable",
    "mastra_cache": "mastraCacheTable",
    "mastra_cache_list_items": "mastraCacheListItemsTable",
    "mastra_channel_config": "mastraChannelConfigTable",
    "mastra_channel_installations": "mastraChannelInstallationsTable",
    "mastra_documents": "mastraDocumentsTable",
    "mastra_messages": "mastraMessagesTable",
    "mastra_observational_memory": "mastraObservationalMemoryTable",
    "mastra_resources": "mastraResourcesTable",
    "mastra_schedule_triggers": "mastraScheduleTriggersTable",
    "mastra_schedules": "mastraSchedulesTable",
    "mastra_scorers": "mastraScoresTable",
    "mastra_threads": "mastraThreadsTable",
    "mastra_vector_indexes": "mastraVectorIndexesTable",
    "mastra_vectors": "mastraVectorsTable",
    "mastra_workflow_snapshots": "mastraWorkflowSnapshotsTable",
}
"""The constant that `@mastra/convex/schema` exports for each of its tables."""

_FIELD_PATH: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}(\.[A-Za-z][A-Za-z0-9_]{0,63})*")
HEADER: Final = """\
// Generated from the table declarations in Python by `mastra-convex schema`. Do not edit.

import { defineTable } from "convex/server";
import { v } from "convex/values";
"""

_TABLE_LAYOUT: Final = """\
/** What the functions know about a table. */
export type TableLayout = {
  /** The index by whose fields rows are got, put, patched and deleted. */
  readonly key: string;
  /** The declared columns. */
  readonly fields: readonly string[];
  /** Columns that hold JSON text. */
  readonly json: readonly string[];
  /** Columns that hold raw JSON values. */
  readonly raw: readonly string[];
  /** Columns that hold vectors. */
  readonly floats: readonly string[];
  /** Columns whose values may be kept in chunks. */
  readonly large: readonly string[];
  /** The fields of each index. */
  readonly indexes: { readonly [index: string]: readonly string[] };
  /** The vector indexes. */
  readonly vectorIndexes: { readonly [index: string]: VectorIndexLayout };
};

/** A vector index, and what it filters by, from the least to the most selective. */
export type VectorIndexLayout = {
  readonly field: string;
  readonly dimensions: number;
  readonly filters: readonly string[];
};
"""


def schema_ts(tables: Iterable[Table], *, version: str = VERSION) -> str:
    """The text of `convex_functions/mastra/schema.ts` for these tables and those of the core."""
    ordered = _ordered(tables)
    definitions = "".join(f"  {table.name}: {_definition(table)},\n" for table in ordered)
    layouts = "".join(_layout(table) for table in ordered)
    return (
        f"{HEADER}\n/** Of the package that made these functions. */\nexport const version = {json.dumps(version)};\n"
        f"\nexport const mastraTables = {{\n{definitions}}};\n"
        f"\n{_TABLE_LAYOUT}\nexport const layout: {{ readonly [table: string]: TableLayout }} = {{\n{layouts}}};\n"
    )


def index_lines_ts(tables: Iterable[Table], *, path: str = DEFAULT_PATH) -> str:
    """The lines of an app's `convex/schema.ts` that takes the shared tables from `@mastra/convex/schema`.

    `path` is the folder of our functions below `convex/`. Our extra indexes are added to those definitions, and our own
    tables stand beside them.
    """
    ordered = _ordered(tables)
    shared = [table for table in ordered if table.shared]
    own = [table for table in ordered if not table.shared]
    lines = "".join(f"  {table.name}: {_with_extra_indexes(table)},\n" for table in shared)
    lines += "".join(f"  {table.name}: mastraTables.{table.name},\n" for table in own)
    return (
        'import { defineSchema } from "convex/server";\n'
        + _import([_constant(table) for table in shared], "@mastra/convex/schema")
        + f'import {{ mastraTables }} from "./{path}/schema";\n'
        + f"\nexport default defineSchema({{\n  // ... the other tables of your app\n{lines}}});\n"
    )


@dataclass(frozen=True)
class SchemaOptions:
    """Is what a generated schema tells of the options that it was made with."""

    version: str
    vector_dimensions: list[int]
    vector_filter_fields: list[str]


def schema_options(schema: str) -> SchemaOptions:
    """Reads the options out of the text of a generated schema; they are empty where it has none."""
    definitions = schema.partition("export const layout")[0]
    version = re.search(r'export const version = "([^"]*)";', definitions)
    dimensions = re.findall(r"dimensions: (\d+),", definitions)
    filters = [name for names in re.findall(r"filterFields: \[(.*)\]", definitions) for name in names.split(", ")]
    members = [name.strip('"') for name in filters if "." in name]
    return SchemaOptions(
        version[1] if version else "",
        [int(length) for length in dict.fromkeys(dimensions)],
        list(dict.fromkeys(members)),
    )


def with_vector_indexes(
    tables: Iterable[Table], dimensions: Sequence[int], *, filter_fields: Sequence[str] = ()
) -> list[Table]:
    """The tables; those with a vector index get one for each of `dimensions` instead, if there are any.

    `filter_fields` are members of the raw column that their filters reach into, with its name or without. A native
    search finds plain values only, so each such filter has an index of the database too, which tells where a member is
    a list. Raises ConfigurationError for what Convex would refuse.
    """
    for name in filter_fields:
        if not _FIELD_PATH.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no field that Convex can index: letters, digits and _")
    return [_with_dimensions(table, dimensions, filter_fields) if table.vector_indexes else table for table in tables]


def _with_dimensions(table: Table, dimensions: Sequence[int], filter_fields: Sequence[str]) -> Table:
    declared = table.vector_indexes[0]
    column = next((name.split(".")[0] for name in declared.filters if "." in name), None)
    if column is None and filter_fields:
        raise ConfigurationError(f"{table.name}: no column to take filter fields from")
    extra = [f"{column}.{name.removeprefix(f'{column}.')}" for name in filter_fields]
    filters = tuple(dict.fromkeys((*declared.filters, *extra)))
    present = {index.fields for index in table.indexes}
    missing = [name for name in filters if "." in name and (name,) not in present]
    vector_indexes = [
        VectorIndex(f"by_{declared.field}_{length}", declared.field, length, filters)
        for length in dimensions or (declared.dimensions,)
    ]
    indexes = [Index(f"by_{name.replace('.', '_')}", (name,), extra=True) for name in missing]
    return replace(table, indexes=(*table.indexes, *indexes), vector_indexes=tuple(vector_indexes))


def _ordered(tables: Iterable[Table]) -> list[Table]:
    return sorted(deployed([*tables, *CORE_TABLES]).values(), key=lambda table: table.name)


def _definition(table: Table) -> str:
    fields = "".join(f"    {field.name}: {_validator(field)},\n" for field in table.fields)
    return f"defineTable({{\n{fields}  }}){_chain(_calls(table.indexes, table.vector_indexes))}"


def _validator(field: Field) -> str:
    validator = _VALIDATORS[field.type]
    if field.nullable and field.type != "any":  # which takes null by itself
        validator = f"v.union({validator}, v.null())"
    return f"v.optional({validator})" if field.optional else validator


def _calls(indexes: Iterable[Index], vector_indexes: Iterable[VectorIndex]) -> list[str]:
    """`.index(...)` and `.vectorIndex(...)`."""
    calls = [f'.index("{index.name}", {_strings(index.fields)})' for index in indexes]
    for index in vector_indexes:
        options = {
            "vectorField": json.dumps(index.field),
            "dimensions": str(index.dimensions),
            "filterFields": _strings(index.filters),
        }
        inside = "".join(f"      {name}: {value},\n" for name, value in options.items())
        calls.append(f'.vectorIndex("{index.name}", {{\n{inside}    }})')
    return calls


def _chain(calls: Sequence[str]) -> str:
    """One call on the same line, several on a line each."""
    return calls[0] if len(calls) == 1 else "".join(f"\n    {call}" for call in calls)


def _layout(table: Table) -> str:
    json_columns = [field.name for field in table.fields if field.json]
    floats = [field.name for field in table.fields if field.type == "floats"]
    large = [field.name for field in table.large_columns]
    indexes = "".join(f"      {index.name}: {_strings(index.fields)},\n" for index in table.indexes)
    vector_indexes = "".join(map(_vector_layout, table.vector_indexes))
    return (
        f'  {table.name}: {{\n    key: "{table.key}",\n'
        f"{_array('fields', [field.name for field in table.fields])}"
        f"{_array('json', json_columns)}{_array('raw', table.raw_columns)}{_array('floats', floats)}"
        f"{_array('large', large)}"
        f"    indexes: {{\n{indexes}    }},\n{_object('vectorIndexes', vector_indexes)}  }},\n"
    )


def _vector_layout(index: VectorIndex) -> str:
    return (
        f"      {index.name}: {{\n        field: {json.dumps(index.field)},\n        dimensions: {index.dimensions},\n"
        f"        filters: {_strings(index.filters)},\n      }},\n"
    )


def _object(name: str, members: str) -> str:
    return f"    {name}: {{\n{members}    }},\n" if members else f"    {name}: {{}},\n"


def _array(name: str, items: Sequence[str]) -> str:
    line = f"    {name}: {_strings(items)},"
    if len(line) <= _WIDTH:
        return f"{line}\n"
    return f"    {name}: [\n" + "".join(f"      {json.dumps(item)},\n" for item in items) + "    ],\n"


def _strings(items: Sequence[str]) -> str:
    return f"[{', '.join(map(json.dumps, items))}]"


def _constant(table: Table) -> str:
    try:
        return _SHARED_CONSTANTS[table.name]
    except KeyError:
        raise ConfigurationError(f"@mastra/convex/schema has no table {table.name!r}; it cannot be shared") from None


def _with_extra_indexes(table: Table) -> str:
    calls = _calls([index for index in table.indexes if index.extra], table.vector_indexes)
    line = _constant(table) + "".join(calls)
    if len(calls) <= 2 and "\n" not in line and len(f"  {table.name}: {line},") <= _WIDTH:
        return line
    return _constant(table) + "".join(f"\n    {call}" for call in calls)


def _import(names: Sequence[str], module: str) -> str:
    line = f'import {{ {", ".join(names)} }} from "{module}";\n'
    if len(line) <= _WIDTH + 1:
        return line
    return "import {\n" + "".join(f"  {name},\n" for name in names) + f'}} from "{module}";\n'
