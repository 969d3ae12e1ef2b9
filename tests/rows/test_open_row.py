"""One row that conditions, edits and reads share."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mastra_convex.errors import LargeValueError, TooLargeError, ValidationError
from mastra_convex.rows.changes import Change, Edit, RowChange
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.paths import MISSING
from mastra_convex.tables import Field, Index, Table

TABLE = Table(
    name="things",
    fields=(
        Field("id"),
        Field("note"),
        Field("json", json=True, large=True),
        Field("raw", "any", large=True),
        Field("indexed", "any"),
    ),
    indexes=(Index("by_record_id", ("id",)), Index("by_member", ("indexed.member",))),
)
REFERENCE = {"__mastra_large": f"__mastra_large:{'0' * 32}:1:9 (a value)"}


def opened(**columns: Any) -> OpenRow:
    return OpenRow(TABLE, {"id": "1", **columns})


def edits(*given: tuple[str, str, str]) -> RowChange:
    return RowChange(TABLE, Change(edits=[Edit(path=p.split("."), reducer=r, value=v) for p, r, v in given]))  # type: ignore[arg-type]


class Count:
    """Counts the texts that are parsed and printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parsed: list[Any] = []
        self.printed: list[Any] = []
        loads, dumps = orjson.loads, orjson.dumps

        def counted_loads(text: Any) -> Any:
            self.parsed.append(text)
            return loads(text)

        def counted_dumps(value: Any) -> bytes:
            self.printed.append(value)
            return dumps(value)

        monkeypatch.setattr(orjson, "loads", counted_loads)
        monkeypatch.setattr(orjson, "dumps", counted_dumps)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Count:
    return Count(monkeypatch)


def test_a_text_is_parsed_once_whatever_looks_at_it(count: Count) -> None:
    row = opened(json='{"a":{"b":1}}', raw={"__mastra_json": '{"$c":2}'}, note='"[3]"')
    for _ in range(2):
        assert row.get(["json", "a", "b"]) == 1
        assert row.get(["json"]) == {"a": {"b": 1}}
        assert row.get(["raw", "$c"]) == 2
        assert row.get(["note", "0"]) == 3
    assert count.parsed == ['{"a":{"b":1}}', '{"$c":2}', '"[3]"', "[3]"]


def test_a_text_that_is_no_json_is_tried_once(count: Count) -> None:
    row = opened(json="[1,")
    assert [row.get(["json"]), row.get(["json"]), row.get(["json", "0"])] == ["[1,", "[1,", MISSING]
    assert row.text(["json"]) == '"[1,"'
    assert count.parsed == ["[1,"]


def test_edits_parse_and_print_once(count: Count) -> None:
    row = opened(json='{"a":1}')
    assert row.get(["json", "a"]) == 1
    change = edits(("json.b", "set", "2"), ("json.c", "set", "3"), ("json", "merge", '{"d":4}'))
    count.parsed.clear()
    new = change.of(row)
    assert new.get(["json", "c"]) == 3
    assert new.close()["json"] == new.text(["json"]) == '{"a":1,"b":2,"c":3,"d":4}'
    assert new.get(["json", "d"]) == 4
    assert count.parsed == []
    assert count.printed == [{"a": 1, "b": 2, "c": 3, "d": 4}]


def test_a_change_leaves_the_row_as_it_was() -> None:
    row = opened(json='{"a":{"b":[1,2]}}', raw={"c": {"d": 1}})
    before = row.get(["json"]), row.get(["raw"])
    new = edits(("json.a.b.0", "set", "9"), ("json.a.e", "set", "9"), ("raw.c.d", "add", "9")).of(row)
    assert (row.get(["json"]), row.get(["raw"])) == before == ({"a": {"b": [1, 2]}}, {"c": {"d": 1}})
    assert row.close() == {"id": "1", "json": '{"a":{"b":[1,2]}}', "raw": {"c": {"d": 1}}}
    assert new.close() == {"id": "1", "json": '{"a":{"b":[9,2],"e":9}}', "raw": {"c": {"d": 10}}}


def test_several_changes_print_once(count: Count) -> None:
    row = opened(json='{"a":1}', raw={"b": 1})
    for _ in range(3):
        row = edits(("json.a", "add", "1"), ("raw.b", "add", "1")).of(row)
    assert row.close() == {"id": "1", "json": '{"a":4}', "raw": {"b": 4}}
    assert count.parsed.count('{"a":1}') == 1
    assert count.printed == [{"a": 4}]


def test_columns_are_set_and_removed_before_edits() -> None:
    row = edits(("json.a", "set", "1"), ("raw.b", "set", "2")).of(opened(json="{}", raw={}, note="x"))
    new = RowChange(TABLE, Change(set={"json": "[]", "note": "y"}, unset=["raw", "note"])).of(row)
    assert new.close() == {"id": "1", "json": "[]"}
    assert new.get(["raw", "b"]) is MISSING


@pytest.mark.parametrize(
    ("stored", "text"),
    [("[1.0, 2e3]", "[1,2000]"), ("1e400", '"1e400"'), ('{"a" : -0.0}', '{"a":0}'), ("0.5", "0.5")],
)
def test_a_whole_text_has_plain_numbers_and_is_printed_once(count: Count, stored: str, text: str) -> None:
    row = opened(json=stored)
    assert [row.text(["json"]), row.text(["json"])] == [text, text]
    assert len(count.printed) == 1
    assert row.close()["json"] == stored


def test_texts_inside_a_column_of_text() -> None:
    row = opened(note='{"a":1}', json="{}")
    new = edits(("note.b", "set", "2"), ("note.a", "add", "1"), ("json", "set", '"[7]"')).of(row)
    assert new.texts([["note"], ["note", "a"], ["json"], ["json", "0"]]) == [
        '"{\\"a\\":2,\\"b\\":2}"',
        "2",
        '"[7]"',
        "7",
    ]


def test_members_that_convex_refuses_are_escaped_when_the_row_is_closed() -> None:
    new = edits(("raw.$a.b", "set", "1"), ("raw.c", "set", "2"), ("raw.$a.d", "set", "3")).of(opened(raw={"e": 4}))
    assert new.get(["raw", "$a"]) == {"b": 1, "d": 3}
    assert new.close()["raw"] == {"e": 4, "c": 2, "__mastra_json": '{"$a":{"b":1,"d":3}}'}
    assert new.get(["raw", "$a"]) == {"b": 1, "d": 3}


def test_an_indexed_member_that_an_index_would_not_find_is_refused() -> None:
    new = edits(("indexed", "set", f'{{"member":{"[" * 20}{"]" * 20}}}')).of(opened(indexed={}))
    with pytest.raises(TooLargeError, match="is indexed"):
        new.close()


@pytest.mark.parametrize("column", ["json", "raw"])
def test_no_path_leads_into_a_value_in_chunks(column: str) -> None:
    value = {"big": REFERENCE, "small": 1}
    row = opened(**{column: orjson.dumps(value).decode() if column == "json" else value})
    assert row.get([column, "big", "a"]) is MISSING
    assert row.text([column, "small"]) == "1"
    for given in ((f"{column}.big.a", "set", "1"), (f"{column}.big", "merge", "{}")):
        with pytest.raises(LargeValueError):
            edits(given).of(row)
    with pytest.raises(LargeValueError):
        row.text([column, "big", "a"])
    assert edits((f"{column}.big", "set", "1")).of(row).get([column, "big"]) == 1


def test_members_in_chunks_hide_every_path() -> None:
    row = opened(raw={"__mastra_json": REFERENCE["__mastra_large"], "a": 1})
    with pytest.raises(LargeValueError):
        row.text(["raw", "a"])
    with pytest.raises(LargeValueError):
        edits(("raw.a", "set", "2")).of(row)
    new = edits(("raw", "set", '{"a":2}'), ("raw.a", "add", "1")).of(row)
    assert new.text(["raw", "a"]) == "3"


@pytest.mark.parametrize("given", [("raw.a.b", "set", "1"), ("raw.list.2", "set", "1"), ("raw.a", "append", "[1]")])
def test_an_edit_that_does_not_fit_is_refused(given: tuple[str, str, str]) -> None:
    with pytest.raises(ValidationError):
        edits(given).of(opened(raw={"a": 1, "list": [1, 2]}))


@pytest.mark.parametrize("reducer", ["merge", "append", "add", "max", "slots"])
def test_a_given_value_that_does_not_suit_its_reducer_is_refused_before_there_is_a_row(reducer: str) -> None:
    with pytest.raises(ValidationError, match=f"{reducer} wants"):
        edits(("raw", reducer, "true"))
