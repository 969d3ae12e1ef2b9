"""Scores of Python and of the stock TypeScript store on one database."""

from __future__ import annotations

from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex_domains import Score, ScoresStore
from tests.backends import ConvexHost
from tests.data import at
from tests.interop.conftest import StockStore

VALUES: dict[str, Any] = {"title": "名字 🎉", "nested": {"list": [1, 2.5, None, True, {"a": "б"}]}, "text": "[1]"}
ROW: dict[str, Any] = {
    "scorerId": "relevance",
    "traceId": "trace-1",
    "spanId": "span-1",
    "runId": "run-1",
    "scorer": {"id": "relevance", **VALUES},
    "preprocessStepResult": VALUES,
    "extractStepResult": VALUES,
    "analyzeStepResult": VALUES,
    "score": 0.75,
    "reason": '{"looks": "like JSON"}',
    "metadata": VALUES,
    "preprocessPrompt": "p1",
    "extractPrompt": "p2",
    "generateScorePrompt": "p3",
    "generateReasonPrompt": "p4",
    "analyzePrompt": "p5",
    "reasonPrompt": "p6",
    "input": [{"role": "user", "content": "你好"}],
    "output": "[1, 2]",
    "additionalContext": VALUES,
    "requestContext": VALUES,
    "entityType": "AGENT",
    "entity": VALUES,
    "entityId": "agent-1",
    "source": "LIVE",
    "resourceId": "user-1",
    "threadId": "t1",
    "organizationId": "org",
    "projectId": "project",
    "batchId": "b",
    "datasetId": "d",
    "datasetItemId": "i",
}
"""A value in every column but the id and the times."""

ALL = {"page": 0, "perPage": False}


@pytest.fixture
def scores(ours: ConvexStore) -> ScoresStore:
    return ours.scores


async def test_python_reads_scores_of_typescript(scores: ScoresStore, stock: StockStore) -> None:
    written = (await stock.call("scores", "saveScore", ROW))["score"]
    found = await scores.get_score_by_id(written["id"])
    assert found == Score(**ROW, id=written["id"], created_at=written["createdAt"], updated_at=written["updatedAt"])
    for page in (
        await scores.list_scores_by_scorer_id("relevance", organization_id="org", source="LIVE"),
        await scores.list_scores_by_run_id("run-1", project_id="project"),
        await scores.list_scores_by_entity_id("agent-1", entity_type="AGENT"),
        await scores.list_scores_by_span("trace-1", span_id="span-1"),
    ):
        assert page.scores == [found]


async def test_typescript_reads_scores_of_python(scores: ScoresStore, stock: StockStore) -> None:
    saved = await scores.save_score(Score(**ROW, id="s1", created_at=at(1)))
    expected = {**ROW, "id": "s1", "createdAt": to_iso(at(1)), "updatedAt": to_iso(saved.updated_at)}
    found = await stock.call("scores", "getScoreById", {"id": "s1"})
    assert {key: value for key, value in found.items() if not key.startswith("_")} == expected
    for method, arguments in (
        ("listScoresByScorerId", {"scorerId": "relevance", "entityId": "agent-1", "source": "LIVE"}),
        ("listScoresByRunId", {"runId": "run-1", "filters": {"organizationId": "org"}}),
        ("listScoresByEntityId", {"entityId": "agent-1", "entityType": "AGENT"}),
    ):
        page = await stock.call("scores", method, {**arguments, "pagination": ALL})
        assert [score["id"] for score in page["scores"]] == ["s1"], method


async def test_both_list_the_same_scores_newest_first(scores: ScoresStore, stock: StockStore) -> None:
    written = []
    for n in range(3):
        written.append((await stock.call("scores", "saveScore", ROW))["score"]["id"])
        written.append((await scores.save_score({**ROW, "reason": f"python {n}"})).id)
    page = await stock.call("scores", "listScoresByRunId", {"runId": "run-1", "pagination": ALL})
    ours = await scores.list_scores_by_run_id("run-1")
    assert {score.id for score in ours.scores} == set(written)
    times = [to_iso(score.created_at) for score in ours.scores]
    assert times == [score["createdAt"] for score in page["scores"]] == sorted(times, reverse=True)


async def test_what_the_stock_table_has_no_place_for(
    scores: ScoresStore, stock: StockStore, interop_host: ConvexHost
) -> None:
    refused: dict[str, Any] = {"$schema": "s", "名字": {"$ref": [1]}, "plain": 1}
    given = {**ROW, "input": None, "organizationId": None, "scorer": refused, "metadata": refused}
    saved = await scores.save_score({**given, "id": "s1", "structuredOutput": True})
    assert await scores.get_score_by_id("s1") == saved
    assert (saved.input, saved.scorer, saved.structured_output) == (None, refused, True)

    [row] = await interop_host.rows("mastra_scorers")
    assert row["input"] is None
    assert "organizationId" not in row
    found = await stock.call("scores", "getScoreById", {"id": "s1"})
    assert (found["scorer"]["plain"], found["metadata"]["plain"]) == (1, 1)
    assert set(found["scorer"]) == {"plain", "__mastra_json"}
