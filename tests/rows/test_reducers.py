"""Every reducer of edits, by the shared cases and by generated ones."""

from __future__ import annotations

import json
import uuid
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.engine.protocol import Engine, Get, Patch, Put
from mastra_convex.errors import ValidationError
from mastra_convex.rows.changes import Change, Edit
from tests.engine.rows import CASES, MESSAGES, RESOURCES, THREADS, columns, commit, normal, one, put, row_of, thread

Case = dict[str, Any]


def cases() -> list[Case]:
    loaded: list[Case] = json.loads((CASES / "reducers.json").read_text("utf-8"))
    return loaded


def patch_of(case: Case, id: str) -> Patch:
    return Patch(table=case["table"], keys=[[id]], change=Change(edits=[Edit(**each) for each in case["edits"]]))


async def test_the_shared_cases(engine: Engine) -> None:
    """All at once: one row and one patch for each case."""
    chosen = [(f"case{n}", case) for n, case in enumerate(cases()) if "error" not in case["expected"]]
    wrong: list[tuple[str, Any]] = []
    for table in (THREADS, MESSAGES, RESOURCES):
        those = [(id, case) for id, case in chosen if case["table"] == table]
        rows = [row_of(table, id, case["row"]) for id, case in those]
        patches = [patch_of(case, id) for id, case in those]
        returning = [Get(table=table, keys=[[id] for id, _ in those])]
        result = await commit(engine, Put(table=table, rows=rows), *patches, returning=returning)
        for (id, case), row in zip(those, result.returned[0].rows, strict=True):
            assert row is not None
            expected = row_of(table, id, {**case["row"], **case["expected"]})
            if normal(table, row) != normal(table, expected):
                wrong.append((case["name"], columns(row)))
    assert wrong == []


async def test_the_shared_cases_that_are_refused(engine: Engine) -> None:
    wrong: list[str] = []
    for n, case in enumerate(cases()):
        if case["expected"] != {"error": "BadRequest"}:
            continue
        row = row_of(case["table"], f"case{n}", case["row"])
        await put(engine, case["table"], row)
        try:
            await commit(engine, patch_of(case, row["id"]))
        except ValidationError:
            if await one(engine, case["table"], row["id"]) == row:
                continue
        wrong.append(case["name"])
    assert wrong == []


KEYS = st.sampled_from(["a", "b", "output", "$x", "标", "__proto__", "__mastra_json", ""])
LEAVES = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, -1.25]) | st.text("aé\U0001f600", max_size=2)
)
MARKERS = st.just({"__mastra_pending__": True}) | st.just({"status": "suspended", "suspendedAt": 1})
VALUES = st.recursive(
    LEAVES | MARKERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
STEPS = st.fixed_dictionaries({"output": st.lists(LEAVES | MARKERS, max_size=4)}, optional={"a": LEAVES, "b": LEAVES})
EDITS = st.one_of(
    st.tuples(st.just("set"), VALUES),
    st.tuples(st.just("merge"), st.dictionaries(KEYS, VALUES, max_size=3)),
    st.tuples(st.just("append"), st.lists(VALUES, max_size=2)),
    st.tuples(st.just("add"), st.integers(-9, 9)),
    st.tuples(st.just("max"), st.integers(-9, 9) | st.text("aé\ufffd\U0001f600", max_size=2)),
    st.tuples(st.just("slots"), STEPS),
)


class RefusedError(Exception):
    """The rule refuses the edit."""


REFUSED = object()


def is_marker(value: Any) -> bool:
    return json.dumps(value) == '{"__mastra_pending__": true}'


def slots(old: Any, new: dict[str, Any]) -> Any:
    """The rule of docs/protocol.md, position by position."""
    if not (isinstance(old, dict) and isinstance(old.get("output"), list) and isinstance(new.get("output"), list)):
        return new
    before, after = old["output"], new["output"]
    pending = any(is_marker(element) for element in after)
    output = []
    for n in range(max(len(before), len(after))):
        there = before[n] if n < len(before) else None
        if n < len(after) and is_marker(after[n]):
            suspended = isinstance(there, dict) and there.get("status") == "suspended" and len(there) > 1
            output.append(None if there is None or is_marker(there) or suspended else there)
        elif n < len(after) and after[n] is not None and not pending:
            output.append(after[n])
        else:
            output.append(there)
    return {**(old if pending else {**old, **new}), "output": output}


def number(value: Any) -> bool:
    return type(value) in (int, float)


def reduced(reducer: str, old: Any, given: Any) -> Any:
    """What docs/protocol.md says, in plain Python; `old` is None where there is nothing."""
    if reducer == "set":
        return given
    if reducer == "merge":
        return {**(old if isinstance(old, dict) else {}), **given}
    if reducer == "append":
        if old is not None and not isinstance(old, list):
            raise RefusedError
        return [*(old or []), *given]
    if reducer == "add":
        if old is not None and not number(old):
            raise RefusedError
        return (old or 0) + given
    if reducer == "max":
        same = (number(old) and number(given)) or (isinstance(old, str) and isinstance(given, str))
        return max(old, given) if same else given
    return slots(old, given)


def edited(value: Any, path: list[str], reducer: str, given: Any) -> Any:
    if not path:
        return reduced(reducer, value, given)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise RefusedError  # the generated paths have no digits
    return {**value, path[0]: edited(value.get(path[0]), path[1:], reducer, given)}


@given(
    st.one_of(st.just({}), VALUES, st.dictionaries(KEYS, VALUES, max_size=4)),
    st.lists(st.tuples(st.lists(KEYS, max_size=2), EDITS), min_size=1, max_size=3),
    st.booleans(),
)
@settings(max_examples=20)
async def test_generated_edits(engine: Engine, value: Any, edits: list[tuple[list[str], Any]], text: bool) -> None:
    """The same edits inside a raw column and inside JSON text, values read as their paths show them."""
    id = uuid.uuid4().hex
    table, column = (MESSAGES, "content") if text else (THREADS, "metadata")
    stored = json.dumps(value) if text else None
    await put(engine, table, row_of(table, id, {column: stored} if text else {}))
    if not text:  # escaped by the engine itself
        setting = Edit(path=[column], reducer="set", value=json.dumps(value))
        await commit(engine, Patch(table=table, keys=[[id]], change=Change(edits=[setting])))
    change = [Edit(path=[column, *path], reducer=name, value=json.dumps(given)) for path, (name, given) in edits]
    try:
        expected = value
        for path, (name, given) in edits:
            expected = edited(expected, path, name, given)
    except RefusedError:
        expected = REFUSED
    if isinstance(value, str) and any(path for path, _ in edits):
        return  # text on the way has cases of its own
    returning = [Get(table=table, keys=[[id]], paths=[[column]])]
    try:
        patch = Patch(table=table, keys=[[id]], change=Change(edits=change))
        result = await commit(engine, patch, returning=returning)
    except ValidationError:
        assert expected is REFUSED
    else:
        assert result.returned[0].values is not None
        (values,) = result.returned[0].values
        assert json.loads((values or [""])[0] or "") == expected


async def test_an_edit_of_a_column_that_shares_its_row(engine: Engine) -> None:
    """Edits of one row do not show in another that was put with the same value."""
    shared = {"list": [1]}
    await put(engine, THREADS, thread("a", metadata=shared), thread("b", metadata=shared))
    change = Change(set={"metadata": shared}, edits=[Edit(path=["metadata", "list"], reducer="append", value="[2]")])
    await commit(engine, Patch(table=THREADS, keys=[["a"], ["b"]], change=change))
    for id in ("a", "b"):
        assert (await one(engine, THREADS, id))["metadata"] == {"list": [1, 2]}
