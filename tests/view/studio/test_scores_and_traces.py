"""Scores and traces in Studio."""

from __future__ import annotations

from typing import Any

from mastra_convex import ConvexStore
from mastra_convex.view.studio.slugs import encoded, slug
from tests.view.studio.asking import Studio
from tests.view.studio.data import ODD

_FROM = {"timeRange": {"from": "2026-01-01T00:00:00Z"}}


async def test_scorers_are_those_of_the_scores(studio: Studio) -> None:
    scorers = await studio.get("/scores/scorers")
    config = scorers["accuracy"]["scorer"]["config"]
    assert config == {"id": "accuracy", "name": "Accuracy", "description": "How right it is"}
    assert set(scorers) == {"accuracy", slug(ODD)}
    assert (await studio.get("/scores/scorers/:scorerId", "/scores/scorers/accuracy")) == scorers["accuracy"]


async def test_scores_of_a_scorer_a_run_an_entity_and_a_span(studio: Studio) -> None:
    async def scores(route: str, path: str, **query: str) -> list[float]:
        answer = await studio.get(route, path, **query)
        return [score["score"] for score in answer["scores"]]

    assert await scores("/scores/scorer/:scorerId", "/scores/scorer/accuracy") == [0.5, 0]
    assert await scores("/scores/scorer/:scorerId", f"/scores/scorer/{slug(ODD)}") == [1]
    assert await scores("/scores/scorer/:scorerId", "/scores/scorer/accuracy", perPage="1", page="1") == [0]
    assert await scores("/scores/scorer/:scorerId", "/scores/scorer/accuracy", entityId="other") == []
    assert await scores("/scores/run/:runId", "/scores/run/done") == [1, 0.5, 0]
    assert await scores("/scores/entity/:entityType/:entityId", "/scores/entity/AGENT/guide") == [1, 0.5, 0]
    route = "/observability/traces/:traceId/:spanId/scores"
    assert await scores(route, "/observability/traces/trace-1/root/scores") == [1, 0.5, 0]
    assert await scores("/observability/scores", "", scorerId="accuracy") == [0.5, 0]


async def test_a_score_leads_to_its_trace(studio: Studio, store: ConvexStore) -> None:
    score = {"scorer_id": "tone", "scorer": {}, "score": 1, "source": "LIVE", "run_id": "r", "entity_id": "guide"}
    place = {"trace_id": ODD, "span_id": ODD, "entity": {}, "output": "Hi"}
    await store.scores.save_score({**score, **place})
    for route, path, query in (
        ("/scores/scorer/:scorerId", "/scores/scorer/tone", {}),
        ("/observability/scores", "", {"scorerId": "tone"}),
    ):
        [found] = (await studio.get(route, path, **query))["scores"]
        assert (found["traceId"], found["spanId"]) == (slug(ODD), slug(ODD))


async def test_finished_traces_are_queried_page_by_page(studio: Studio) -> None:
    async def query(**more: Any) -> dict[str, Any]:
        found: dict[str, Any] = await studio.post("/observability/traces/query", {**_FROM, **more})
        return found

    first = await query(page={"limit": 1})
    assert [trace["traceId"] for trace in first["traces"]] == [slug(ODD)]
    second = await query(page={"limit": 1, "after": first["page"]["next"]})
    [trace] = second["traces"]
    assert (trace["traceId"], trace["status"], trace["inputPreview"]) == ("trace-1", "success", "Where is Oslo?")
    of_thread = {"op": "eq", "left": {"path": "threadId"}, "right": {"literal": slug(ODD)}}
    assert [trace["threadId"] for trace in (await query(where=of_thread))["traces"]] == [slug(ODD)]
    is_one = {"op": "in", "value": {"path": "threadId"}, "set": [slug(ODD), "other"]}
    assert len((await query(where={"op": "and", "args": [is_one]}))["traces"]) == 1


async def test_the_traces_of_an_agent_are_those_of_its_resource(studio: Studio) -> None:
    async def traces(agent: str) -> list[str]:
        is_agent = {"op": "eq", "left": {"path": "entityType"}, "right": {"literal": "agent"}}
        of_agent = {"op": "eq", "left": {"path": "entityId"}, "right": {"literal": agent}}
        where = {"op": "and", "args": [is_agent, {"spans": {"some": of_agent}}]}
        answer = await studio.post("/observability/traces/query", {**_FROM, "where": where})
        return [trace["traceId"] for trace in answer["traces"]]

    assert await traces("r-" + encoded("user-1")) == ["trace-1"]
    assert await traces("all-threads") == [slug(ODD), "trace-1"]
    assert await traces("guide") == [slug(ODD), "trace-1"]
    assert await traces("other") == []


async def test_a_trace_has_its_spans(studio: Studio) -> None:
    trace = await studio.get("/observability/traces/:traceId", f"/observability/traces/{slug(ODD)}")
    spans = {span["spanId"]: span for span in trace["spans"]}
    assert {id: span["status"] for id, span in spans.items()} == {
        "root": "success",
        slug(ODD): "success",
        "tool": "error",
    }
    assert spans[slug(ODD)]["attributes"]["usage"] == {"inputTokens": 50, "outputTokens": 5}
    path = f"/observability/traces/{slug(ODD)}/spans/{slug(ODD)}"
    answer = await studio.get("/observability/traces/:traceId/spans/:spanId", path)
    assert answer["span"]["name"] == "llm: 'm'"
    light = await studio.get("/observability/traces/:traceId/light", f"/observability/traces/{slug(ODD)}/light")
    assert [span["spanId"] for span in light["spans"]] == [span["spanId"] for span in trace["spans"]]
    assert "attributes" not in light["spans"][0]


async def test_traces_are_listed_by_thread(studio: Studio) -> None:
    async def listed(route: str, **query: str) -> list[tuple[str, str]]:
        answer = await studio.get(route, **query)
        return [(span["traceId"], span["status"]) for span in answer["spans"]]

    of_trip = [("runs", "running"), ("trace-1", "success")]
    for route in ("/observability/traces/light", "/observability/traces"):
        assert sorted(await listed(route, threadId="trip")) == of_trip
        assert await listed(route, threadId=slug(ODD), unknown="x") == [(slug(ODD), "success")]


async def test_tokens_of_traces_are_summed(studio: Studio) -> None:
    ids = ["trace-1", slug(ODD), "none"]
    body = {"name": ["a"], "groupBy": ["traceId", "name"], "aggregation": "sum", "filters": {"traceIds": ids}}
    groups = (await studio.post("/observability/metrics/breakdown", body))["groups"]
    assert {(group["dimensions"]["traceId"], group["value"]) for group in groups} == {
        (id, tokens) for id in ids[:2] for tokens in (50, 5)
    }
    assert groups[0]["dimensions"]["name"] == "mastra_model_total_input_tokens"
    assert await studio.status("/observability/metrics/breakdown", "POST", json={**body, "groupBy": ["model"]}) == 400


async def test_filters_offer_what_there_is(studio: Studio) -> None:
    discovery = "/observability/discovery"
    assert await studio.get(f"{discovery}/entity-types") == {"entityTypes": ["agent"]}
    assert await studio.get(f"{discovery}/entity-names", entityType="agent") == {"names": ["guide"]}
    assert await studio.get(f"{discovery}/service-names") == {"serviceNames": ["app"]}
    assert await studio.get(f"{discovery}/environments") == {"environments": ["test"]}
    assert await studio.get(f"{discovery}/tags") == {"tags": ["beta"]}
