"""The operator `match`: the shared cases of the filter language on every backend."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mastra_convex.engine.protocol import Engine, Scan
from mastra_convex.errors import ValidationError
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.filters import compile_filter
from mastra_convex.rows.values import Row, plain_numbers
from tests.effort import some_backends
from tests.engine.rows import THREADS, put, thread
from tests.filters import OPTIONS_AND_PATTERNS, PROGRAMS_THAT_ARE_NONE, TEXTS, Case, as_sent, filter_cases, python_flags

VALUE = ("metadata", "value")
AT_ONCE = 64


def row_with(id: str, case: Case) -> Row:
    return thread(id, metadata={"value": case["value"]} if "value" in case else {})


def matching(id: str, filter: Any) -> Scan:
    condition = Condition(path=VALUE, operator="match", value=json.dumps(as_sent(filter)))
    return Scan(table=THREADS, index="by_record_id", prefixes=[[id]], where=[condition])


async def outcomes(engine: Engine, filters: dict[str, Any]) -> dict[str, bool]:
    results = await engine.read([matching(id, filter) for id, filter in filters.items()])
    return {id: len(result.rows) == 1 for id, result in zip(filters, results, strict=True)}


async def test_the_shared_cases(engine: Engine) -> None:
    chosen = {f"case{n}": case for n, case in enumerate(filter_cases()) if "expected" in case}
    await put(engine, THREADS, *(row_with(id, case) for id, case in chosen.items()))

    held = await outcomes(engine, {id: case["filter"] for id, case in chosen.items()})

    assert [case["name"] for id, case in chosen.items() if held[id] != case["expected"]] == []


async def test_the_shared_cases_that_are_refused(engine: Engine) -> None:
    """Whether or not there is a row."""
    accepted: list[str] = []
    for case in filter_cases():
        if case.get("error"):
            try:
                await engine.read([matching("nobody", case["filter"])])
            except ValidationError:
                continue
            accepted.append(case["name"])
    assert accepted == []


async def test_programs_of_patterns_that_are_none_are_refused(engine: Engine) -> None:
    accepted: list[Any] = []
    for program in PROGRAMS_THAT_ARE_NONE:
        try:
            await engine.read([matching("nobody", {"a": {"$regex": program}})])
        except ValidationError:
            continue
        accepted.append(program)
    assert accepted == []


async def test_a_program_may_lead_back_to_where_it_came_from(engine: Engine) -> None:
    """Steps that take no character and lead to themselves and to each other."""
    round = {"sets": [], "steps": [[None, 0, 1], ["boundary", 0], [None, 0]]}
    await put(engine, THREADS, thread("t", metadata={"value": "a b" * 1_000}))
    assert await outcomes(engine, {"t": {"$regex": round}}) == {"t": False}


TEXT = st.text("aB\u00e9\U0001f600", max_size=2)
TIMES = st.sampled_from(["2026-01-01T10:00:00Z", "2026-01-01T12:00:00.5+02:00", "2026-02-30T10:00:00Z", "2026-01-01"])
SCALARS = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from([0.5, 1.0]) | TEXT | TIMES
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", "b.1"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(["a", "b", "a.b", "a.0", "b.1.c", "a.b.c"])
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


@some_backends("convex-test")
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


@some_backends("convex-test")
@given(st.lists(st.tuples(OPTIONS_AND_PATTERNS, TEXTS), min_size=24, max_size=24))
@settings(max_examples=6)
async def test_generated_patterns_find_what_python_finds(
    engine: Engine, searches: list[tuple[tuple[str, tuple[str, str]], str]]
) -> None:
    chosen = {f"case{n}": each for n, each in enumerate(searches)}
    await put(engine, THREADS, *(thread(id, metadata={"value": text}) for id, (_, text) in chosen.items()))

    held = await outcomes(
        engine, {id: {"$regex": ours, "$options": options} for id, ((options, (ours, _)), _) in chosen.items()}
    )

    for id, ((options, (_, theirs)), text) in chosen.items():
        assert held[id] is (re.search(theirs, text, python_flags(options)) is not None), chosen[id]
