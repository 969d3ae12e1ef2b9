"""The workloads of the scores domain: each figure is a promise of docs/cost.md."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.values import Row
from mastra_convex_domains import Score
from mastra_convex_domains.scores import score_row
from tests.backends import ConvexHost
from tests.cost.conftest import Meter, page_bytes
from tests.data import at

LOREM = "lorem ipsum dolor sit amet " * 30


def kilobyte(n: int) -> Score:
    """A score of some 1.2 kB; scorers and runs alternate."""
    which = n % 2
    return Score(
        id=f"s{n:05}",
        scorer_id=f"scorer-{which}",
        entity_id=f"agent-{which}",
        entity_type="AGENT",
        run_id=f"run-{which}",
        trace_id=f"trace-{which}",
        span_id="span",
        score=n / 2000,
        scorer={"id": f"scorer-{which}", "prompt": LOREM[:300]},
        entity={"id": f"agent-{which}"},
        source="LIVE",
        input="question",
        output=LOREM[:500],
        created_at=at(n),
        updated_at=at(n),
    )


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("list_scores_by_scorer_id", {"scorer_id": "scorer-1"}),
        ("list_scores_by_run_id", {"run_id": "run-1"}),
        ("list_scores_by_entity_id", {"entity_id": "agent-1", "entity_type": "AGENT"}),
        ("list_scores_by_span", {"trace_id": "trace-1", "span_id": "span"}),
    ],
)
async def test_w11_20_of_2000_scores(
    store: ConvexStore, meter: Meter, host: ConvexHost, method: str, arguments: dict[str, Any]
) -> None:
    loaded: list[Row] = [score_row(kilobyte(n)) for n in range(2000)]
    await host.load({"mastra_scorers": loaded})
    page = loaded[1961::2]
    for include_total in (True, False):
        await meter.start()
        found = await getattr(store.scores, method)(**arguments, per_page=20, include_total=include_total)
        cost = await meter.cost()
        assert [score.id for score in found.scores] == [row["id"] for row in reversed(page)]
        assert (found.has_more, found.total) == (True, 1000 if include_total else None)
        assert cost.calls == 1
        assert cost.documents_read <= (1000 if include_total else 22)
        assert cost.response_bytes <= 1.3 * page_bytes(page)


async def test_saving_a_score_is_one_call(store: ConvexStore, meter: Meter) -> None:
    await meter.start()
    await store.scores.save_score(kilobyte(0))
    cost = await meter.cost()
    assert (cost.calls, cost.documents_written) == (1, 2)  # the score and the receipt
