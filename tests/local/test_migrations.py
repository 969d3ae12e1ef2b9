"""A file that was made under other declarations."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from mastra_convex.errors import ConfigurationError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.tables import Field, Index, Table
from tests.local.tables import NOTES, get, put, scan
from tests.local.vectors import POINTS, nearest, point

NEWER = replace(
    NOTES,
    fields=(*NOTES.fields, Field("size", "number", optional=True)),
    indexes=(*NOTES.indexes, Index("by_size", ("size",)), Index("by_kind", ("info.kind", "rank"))),
)
ROWS = [
    {"id": "a", "rank": 3, "info": {"kind": "y"}},
    {"id": "b", "rank": 2, "info": {"kind": "x"}},
    {"id": "c", "rank": 1},
    {"id": "d", "rank": 0, "info": {"kind": "x"}},
]


async def test_an_index_that_is_declared_later_has_the_rows_of_before(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    older = LocalEngine(path, [NOTES])
    await put(older, *ROWS)
    await older.aclose()
    newer = LocalEngine(path, [NEWER])
    assert await scan(newer, "by_kind") == ["c", "d", "b", "a"]
    assert await scan(newer, "by_kind", prefixes=[["x"]]) == ["d", "b"]
    await put(newer, {"id": "e", "size": 1, "info": {"kind": "x"}})
    assert await scan(newer, "by_size", prefixes=[[1]]) == ["e"]
    await newer.aclose()


async def test_a_program_with_older_declarations_fills_newer_indexes(tmp_path: Path) -> None:
    """Also when the file changes while it has it open."""
    path = tmp_path / "file.db"
    older, newer = LocalEngine(path, [NOTES]), LocalEngine(path, [NEWER])
    await put(older, ROWS[0])
    assert await scan(newer, "by_kind", prefixes=[["y"]]) == ["a"]
    await put(older, *ROWS[1:])
    assert await scan(newer, "by_kind") == ["c", "d", "b", "a"]
    await older.aclose()
    await newer.aclose()


async def test_columns_that_are_not_declared_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    newer = LocalEngine(path, [NEWER])
    await put(newer, {"id": "a", "size": 7})
    older = LocalEngine(path, [NOTES])
    await put(older, {"id": "a", "rank": 1})
    (row,) = await get(newer, "a")
    assert row == {"id": "a", "rank": 1, "size": 7, "_creationTime": 1}
    assert await scan(newer, "by_size", prefixes=[[7]]) == ["a"]
    await older.aclose()
    await newer.aclose()


async def test_an_index_that_is_declared_anew_with_other_fields(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    older = LocalEngine(path, [NOTES])
    await put(older, *ROWS)
    other = replace(NOTES, indexes=(NOTES.indexes[0], Index("by_rank", ("info.kind",))))
    newer = LocalEngine(path, [other])
    assert await scan(newer, "by_rank", prefixes=[["x"]]) == ["b", "d"]
    assert await scan(older, "by_rank") == ["d", "c", "b", "a"]
    await older.aclose()
    await newer.aclose()


async def test_tables_are_added(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    first = LocalEngine(path, [NOTES])
    await put(first, *ROWS)
    await first.aclose()
    more = Table(name="more", fields=(Field("id"),), indexes=(Index("by_record_id", ("id",)),))
    second = LocalEngine(path, [NOTES, more])
    await put(second, {"id": "x"}, table="more")
    assert [row and row["id"] for row in await get(second, "x", table="more")] == ["x"]
    assert len(await scan(second, "by_rank")) == 4
    await second.aclose()


async def test_a_foreign_table_of_the_same_name_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE Notes (id TEXT)")
    foreign.execute("INSERT INTO Notes VALUES ('theirs')")
    foreign.commit()
    engine = LocalEngine(path, [NOTES])
    with pytest.raises(ConfigurationError, match="notes"):
        await put(engine, *ROWS)
    await engine.aclose()
    tables = foreign.execute("SELECT name FROM sqlite_schema").fetchall()
    assert (tables, foreign.execute("SELECT * FROM Notes").fetchall()) == ([("Notes",)], [("theirs",)])
    foreign.close()


BEFORE = replace(POINTS, fields=tuple(replace(f, type="any") if f.name == "at" else f for f in POINTS.fields))
"""As a file from before columns of floats lay beside the rows has it: in the JSON."""


async def test_vectors_leave_the_json_of_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    older = LocalEngine(path, [BEFORE])
    rows = [point("a", 1, 0), point("b", 0.5, 1), {"id": "c", "place": "here"}, point("d", 0, 1)]
    await put(older, *rows, table="points")
    await older.aclose()
    newer = LocalEngine(path, [POINTS])
    assert await nearest(newer, 1, 0.25) == ["a", "b", "d"]
    found = await get(newer, "a", "b", "c", "d", table="points")
    assert [row and {**row, "_creationTime": None} for row in found] == [{**row, "_creationTime": None} for row in rows]
    await put(newer, point("c", 1, 0.2), table="points")
    assert await nearest(newer, 1, 0.25) == ["c", "a", "b", "d"]
    await newer.aclose()
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM points WHERE json_extract(doc, '$.at') IS NOT NULL").fetchone() == (0,)
    raw.close()


async def test_programs_that_declare_and_do_not_declare_a_column_of_floats_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    newer = LocalEngine(path, [POINTS])
    await put(newer, point("a", 1, 0), table="points")
    without = replace(POINTS, fields=tuple(field for field in POINTS.fields if field.name != "at"))
    other = LocalEngine(path, [without])
    await put(other, {"id": "a", "place": "here", "info": {"n": 1}}, {"id": "b", "place": "here"}, table="points")
    (row,) = await get(newer, "a", table="points")
    assert row is not None
    assert (row["at"], row["info"]) == ([1.0, 0.0], {"n": 1})
    assert await nearest(newer, 1, 0) == ["a"]
    await other.aclose()
    await newer.aclose()
