"""The declarations of tables, and the TypeScript that is generated from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mastra_convex import ConfigurationError
from mastra_convex.deploy.convex_schema import index_lines_ts, schema_ts, with_vector_indexes
from mastra_convex.tables import CORE_TABLES, Field, Index, Owner, Table, by_name
from tests.backends import all_tables

COMMITTED = Path(__file__).parents[2] / "convex_functions" / "mastra" / "schema.ts"

TABLES = all_tables()


def declare(**changes: Any) -> Table:
    fields = (Field("id"), Field("owner_id"), Field("extra", "any", optional=True))
    declaration = {"name": "notes", "fields": fields, "indexes": (Index("by_record_id", ("id",)),)}
    return Table(**{**declaration, **changes})


def test_the_committed_schema_is_the_generated_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == schema_ts(TABLES), "run: mastra-convex schema"


def test_tables_of_the_core_are_always_part_of_the_schema() -> None:
    assert all(f"{table.name}: defineTable({{" in schema_ts([]) for table in CORE_TABLES)
    assert schema_ts(CORE_TABLES) == schema_ts([])


def test_tables_are_sorted_by_name() -> None:
    names = re.findall(r"^  (\w+): defineTable", schema_ts(reversed(TABLES)), re.MULTILINE)
    assert names == sorted({table.name for table in TABLES} | {table.name for table in CORE_TABLES})


@pytest.mark.parametrize(
    ("field", "line"),
    [
        (Field("c"), "c: v.string(),"),
        (Field("c", "number"), "c: v.number(),"),
        (Field("c", "boolean"), "c: v.boolean(),"),
        (Field("c", "any"), "c: v.any(),"),
        (Field("c", "strings"), "c: v.array(v.string()),"),
        (Field("c", "floats"), "c: v.array(v.float64()),"),
        (Field("c", optional=True), "c: v.optional(v.string()),"),
        (Field("c", "number", nullable=True), "c: v.union(v.number(), v.null()),"),
        (Field("c", "strings", optional=True, nullable=True), "c: v.optional(v.union(v.array(v.string()), v.null())),"),
    ],
)
def test_validators(field: Field, line: str) -> None:
    assert f"    {line}\n" in schema_ts([declare(fields=(Field("id"), field))])


def test_the_layout_names_key_columns_and_indexes() -> None:
    text = schema_ts(TABLES)
    layout = text[text.index("export const layout") :]
    snapshots = layout[layout.index("mastra_workflow_snapshots") :]
    assert 'key: "by_workflow_run"' in snapshots
    assert 'json: ["snapshot"],\n    raw: [],' in snapshots
    assert 'by_workflow_run: ["workflow_name", "run_id"],' in snapshots


def test_lines_longer_than_120_characters_are_broken() -> None:
    assert max(map(len, schema_ts(TABLES).splitlines())) <= 120
    assert max(map(len, index_lines_ts(TABLES).splitlines())) <= 120


def test_an_app_with_mastra_tables_gets_our_indexes_added() -> None:
    lines = index_lines_ts(TABLES)
    assert '  mastra_vectors: mastraVectorsTable\n    .index("by_record_id", ["id"])\n' in lines
    assert "  mastra_vector_indexes: mastraVectorIndexesTable,\n" in lines
    assert "  mastra_receipts: mastraTables.mastra_receipts,\n" in lines
    assert '"by_thread_created"' not in lines  # @mastra/convex has that one


def test_a_shared_table_must_be_one_of_mastra() -> None:
    with pytest.raises(ConfigurationError, match="no table 'notes'"):
        index_lines_ts([declare(shared=True)])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "_notes"}, "not a legal table name"),
        ({"name": "notes-1"}, "not a legal table name"),
        ({"name": "n" * 65}, "not a legal table name"),
        ({"fields": (Field("id"), Field("_id"))}, "not a legal field name"),
        ({"fields": (Field("id"), Field("größe"))}, "not a legal field name"),
        ({"fields": (Field("id"), Field("ID"))}, "differ by case at most"),
        ({"fields": (Field("id"), Field("id"))}, "differ by case at most"),
        ({"indexes": (Index("by_id", ("id",)),), "key": "by_id"}, "reserved by Convex"),
        ({"indexes": (Index("by_creation_time", ("id",)),), "key": "by_creation_time"}, "reserved by Convex"),
        ({"indexes": (Index("by_record_id", ("id",)), Index("By_record_id", ("owner_id",)))}, "differ by case"),
        ({"indexes": (Index("by_record_id", ("id",)), Index("twin", ("id",)))}, "the same fields as 'by_record_id'"),
        ({"indexes": (Index("by_record_id", ()),)}, "1 to 15 different fields"),
        ({"indexes": (Index("by_record_id", ("id", "id")),)}, "1 to 15 different fields"),
        ({"indexes": (Index("by_record_id", ("absent",)),)}, "no column for field 'absent'"),
        ({"indexes": ()}, "no index 'by_record_id' for the key"),
        ({"owner": Owner("mastra_threads", "by_thread")}, "no index 'by_thread' for the owner"),
    ],
)
def test_declarations_that_convex_would_refuse(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        declare(**changes)


def test_limits_of_indexes() -> None:
    fields = tuple(Field(f"f{n}") for n in range(33))
    one_each = tuple(Index(f"by_{field.name}", (field.name,)) for field in fields)
    assert len(declare(fields=fields, indexes=one_each[:32], key="by_f0").indexes) == 32
    with pytest.raises(ConfigurationError, match="more than 32 indexes"):
        declare(fields=fields, indexes=one_each, key="by_f0")
    wide = Index("wide", tuple(field.name for field in fields[:16]))
    with pytest.raises(ConfigurationError, match="1 to 15 different fields"):
        declare(fields=fields, indexes=(wide,), key="wide")


def test_an_index_may_reach_into_an_object_column() -> None:
    table = declare(indexes=(Index("by_record_id", ("id",)), Index("by_inner", ("extra.kind",))))
    assert '.index("by_inner", ["extra.kind"])' in schema_ts([table])


def test_one_name_has_one_declaration() -> None:
    assert list(by_name([declare(), declare()])) == ["notes"]
    with pytest.raises(ConfigurationError, match="two different declarations of table 'notes'"):
        schema_ts([declare(), declare(fields=(Field("id"),))])
    with pytest.raises(ConfigurationError, match="differ by case only"):
        schema_ts([declare(), declare(name="Notes")])


def test_vector_indexes_for_the_lengths_that_are_asked_for() -> None:
    text = schema_ts(with_vector_indexes(TABLES, [384, 1536], filter_fields=["group", "user.id"]))

    for length in (384, 1536):
        assert f'.vectorIndex("by_embedding_{length}", {{' in text
        assert f"      dimensions: {length},\n" in text
    filters = '["indexName", "metadata.resource_id", "metadata.thread_id", "metadata.group", "metadata.user.id"]'
    assert text.count(f"      filterFields: {filters},\n") == 2
    assert '.index("by_metadata_group", ["metadata.group"])' in text
    assert '.index("by_metadata_user_id", ["metadata.user.id"])' in text
    whole = with_vector_indexes(TABLES, [384, 1536], filter_fields=["metadata.group", "user.id", "group"])
    assert schema_ts(whole) == text


def test_the_default_is_what_the_tables_declare() -> None:
    assert with_vector_indexes(TABLES, [1536]) == TABLES


@pytest.mark.parametrize(
    ("dimensions", "filter_fields", "problem"),
    [
        ([1], [], "2 to 4096 dimensions"),
        ([4097], [], "2 to 4096 dimensions"),
        ([2, 3, 4, 5, 6], [], "more than 4 vector indexes"),
        ([3, 3], [], "two index names"),
        ([3], ["$where"], "no field that Convex can index"),
        ([3], ["größe"], "no field that Convex can index"),
        ([3], [f"f{n}" for n in range(14)], "at most 16 different filter fields"),
    ],
)
def test_vector_indexes_that_convex_would_refuse(dimensions: list[int], filter_fields: list[str], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        with_vector_indexes(TABLES, dimensions, filter_fields=filter_fields)
