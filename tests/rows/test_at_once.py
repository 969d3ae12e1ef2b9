"""What is done on the event loop, piece by piece."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mastra_convex.rows.at_once import AT_ONCE_BYTES, runs


@given(st.lists(st.integers(0, AT_ONCE_BYTES).map("x".__mul__), max_size=12))
def test_runs_have_all_texts_in_order_and_as_many_as_are_parsed_at_once(texts: list[str]) -> None:
    found = list(runs(texts))
    assert [text for run in found for text in run] == texts
    sizes = [sum(map(len, run)) for run in found]
    assert all(run for run in found)
    assert all(size <= AT_ONCE_BYTES for size, run in zip(sizes, found, strict=True) if len(run) > 1)
    limit = max((size for size, run in zip(sizes, found, strict=True) if len(run) > 1), default=0)
    for run, following in pairwise(found):  # none ends early
        assert sum(map(len, run)) + len(following[0]) >= limit
