"""The operator `match`: the shared cases of the filter language on every backend."""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.engine.protocol import Condition, Engine, Row, Scan, ScanResult
from mastra_convex.errors import ValidationError
from mastra_convex.rows.filters import compile_filter
from mastra_convex.rows.values import plain_numbers
from tests.engine.rows import CASES, THREADS, put, thread

Case = dict[str, Any]

VALUE = ("metadata", "value")
AT_ONCE = 64


def cases() -> list[Case]:
    """`value` against `filter`: `expected`, or `error`. A case without `value` is about a value that is missing."""
    loaded: list[Case] = json.loads((CASES / "filters.json").read_text("utf-8"))
    return loaded


def row_with(id: str, case: Case) -> Row:
    return thread(id, metadata={"value": case["value"]} if "value" in case else {})


def matching(id: str, filter: Any) -> Scan:
    condition = Condition(path=VALUE, operator="match", value=json.dumps(filter))
    return Scan(table=THREADS, index="by_record_id", prefixes=[[id]], where=[condition])


async def outcomes(engine: Engine, filters: dict[str, Any]) -> dict[str, bool]:
    results = await engine.read([matching(id, filter) for id, filter in filters.items()])
    return {id: len(cast(ScanResult, result).rows) == 1 for id, result in zip(filters, results, strict=True)}


async def test_the_shared_cases(engine: Engine) -> None:
    chosen = {f"case{n}": case for n, case in enumerate(cases()) if "expected" in case}
    await put(engine, THREADS, *(row_with(id, case) for id, case in chosen.items()))

    held = await outcomes(engine, {id: case["filter"] for id, case in chosen.items()})

    assert [case["name"] for id, case in chosen.items() if held[id] != case["expected"]] == []


async def test_the_shared_cases_that_are_refused(engine: Engine) -> None:
    """Whether or not there is a row."""
    accepted: list[str] = []
    for case in cases():
        if case.get("error"):
            try:
                await engine.read([matching("nobody", case["filter"])])
            except ValidationError:
                continue
            accepted.append(case["name"])
    assert accepted == []


TEXT = st.text("aB\u00e9\U0001f600", max_size=2)
SCALARS = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from([0.5, 1.0]) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["a", "b", "a.b", "a.0", "b.1.c"])
PATTERNS = st.sampled_from(["", "a", "^B$", "[aB]{2}", "a|.", "\\w\\W?", "(?:aB)*$", "[^a-c]"])


def operations(filters: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(VALUES, max_size=3)
    operators = {
        **dict.fromkeys(("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$contains"), VALUES),
        **dict.fromkeys(("$in", "$nin", "$all"), several),
        **dict.fromkeys(("$and", "$or", "$nor"), st.lists(filters, max_size=2)),
        **dict.fromkeys(("$not", "$elemMatch"), filters),
        "$exists": st.booleans(),
        "$size": st.integers(0, 3),
        "$regex": PATTERNS,
    }
    return st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=2, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: operators[name] for name in names})
    )


FILTERS = st.recursive(
    SCALARS | st.dictionaries(FIELDS, SCALARS, max_size=2),
    lambda inner: operations(inner) | st.dictionaries(FIELDS, inner, max_size=2),
    max_leaves=5,
)


@given(st.lists(st.tuples(VALUES, FILTERS), min_size=AT_ONCE, max_size=AT_ONCE))
@settings(max_examples=8)
async def test_generated_filters_hold_as_the_evaluator_in_python_says(
    engine: Engine, pairs: list[tuple[Any, Any]]
) -> None:
    chosen = {f"case{n}": Case(value=value, filter=filter) for n, (value, filter) in enumerate(pairs)}
    await put(engine, THREADS, *(row_with(id, case) for id, case in chosen.items()))

    held = await outcomes(engine, {id: case["filter"] for id, case in chosen.items()})

    for id, case in chosen.items():
        assert held[id] == compile_filter(plain_numbers(case["filter"]))(plain_numbers(case["value"])), case
