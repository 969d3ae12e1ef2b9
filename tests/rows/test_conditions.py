"""Every operator of conditions, by the shared cases and by generated ones."""

from __future__ import annotations

import json
import uuid
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.engine.protocol import Engine, Scan
from mastra_convex.errors import ValidationError
from mastra_convex.rows.conditions import Condition
from tests.engine.rows import CASES, THREADS, put, row_of, scan, thread

Case = dict[str, Any]


def cases() -> list[Case]:
    loaded: list[Case] = json.loads((CASES / "conditions.json").read_text("utf-8"))
    return loaded


def of_case(case: Case, id: str) -> Scan:
    return Scan(
        table=case["table"], index="by_record_id", prefixes=[[id]], where=[Condition(**each) for each in case["where"]]
    )


async def test_the_shared_cases(engine: Engine) -> None:
    """All at once: one row and one scan for each case."""
    chosen = [(f"case{n}", case) for n, case in enumerate(cases()) if isinstance(case["expected"], bool)]
    for table in sorted({case["table"] for _, case in chosen}):
        await put(engine, table, *(row_of(table, id, case["row"]) for id, case in chosen if case["table"] == table))
    results = await engine.read([of_case(case, id) for id, case in chosen])
    held = [len(result.rows) == 1 for result in results]
    assert [case["name"] for (_, case), holds in zip(chosen, held, strict=True) if holds != case["expected"]] == []


async def test_the_shared_cases_that_are_refused(engine: Engine) -> None:
    for case in cases():
        if case["expected"] == {"error": "BadRequest"}:
            for found in (False, True):  # refused whether or not there is a row
                if found:
                    await put(engine, case["table"], row_of(case["table"], "x", case["row"]))
                await refused(engine, case)


async def refused(engine: Engine, case: Case) -> None:
    try:
        await scan(engine, of_case(case, "x"))
    except ValidationError:
        return
    raise AssertionError(f"not refused: {case['name']}")


TEXT = st.text("aZ~\u0000é\ue000\ufffd\U0001f600", max_size=3)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -2.5, 1e300, 2**53 - 1])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=3),
    max_leaves=6,
)
OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "exists")


def equal(a: Any, b: Any) -> bool:
    """JSON equality, said another way: the same JSON text, keys sorted and numbers as floats."""
    return canonical(a) == canonical(b)


def canonical(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(key) + canonical(value[key]) for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value) + 0.0)
    return json.dumps(value)


def comparable(a: Any, b: Any) -> bool:
    kinds = [str if isinstance(x, str) else float if type(x) in (int, float) else None for x in (a, b)]
    return kinds[0] is not None and kinds[0] is kinds[1]


def rule(operator: str, there: bool, value: Any, given: Any) -> bool:
    """What docs/protocol.md says, in plain Python."""
    if operator == "exists":
        return there is given
    if operator == "in":
        return there and any(equal(value, element) for element in given)
    if operator in ("eq", "ne"):
        return (there and equal(value, given)) is (operator == "eq")
    if not there or not comparable(value, given):
        return False
    results = {"lt": value < given, "lte": value <= given, "gt": value > given, "gte": value >= given}
    return bool(results[operator])


@given(
    st.lists(st.tuples(st.booleans(), VALUES), min_size=1, max_size=6),
    st.lists(st.tuples(st.sampled_from(OPERATORS), VALUES), min_size=1, max_size=12),
    st.booleans(),
)
@settings(max_examples=15)
async def test_generated_conditions(
    engine: Engine, stored: list[tuple[bool, Any]], tests: list[tuple[Any, Any]], same: bool
) -> None:
    """Several rows, with or without a member `v`, against several conditions."""
    owner = uuid.uuid4().hex
    rows = [
        thread(f"{owner}-{n}", resourceId=owner, metadata={"v": value} if there else {})
        for n, (there, value) in enumerate(stored)
    ]
    await put(engine, THREADS, *rows)
    conditions: list[tuple[Any, Any]] = []
    for n, (operator, value) in enumerate(tests):
        given = stored[n % len(stored)][1] if same else value  # equal values are rare otherwise
        given = {"exists": bool(given), "in": [given, value]}.get(operator, given)
        conditions.append((operator, given))
    results = await engine.read(
        [
            Scan(
                table=THREADS,
                index="by_resource",
                prefixes=[[owner]],
                where=[Condition(path=["metadata", "v"], operator=operator, value=json.dumps(given))],
            )
            for operator, given in conditions
        ]
    )
    for (operator, given), result in zip(conditions, results, strict=True):
        expected = [row["id"] for row, (there, v) in zip(rows, stored, strict=True) if rule(operator, there, v, given)]
        assert [row["id"] for row in result.rows] == expected, (operator, given)
