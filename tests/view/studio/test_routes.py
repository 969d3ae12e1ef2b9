"""Every route of Studio is answered as Mastra's server describes it, and nothing but these."""

from __future__ import annotations

import re

from mastra_convex import ConvexStore
from mastra_convex.view.studio.routes import QUERIES, READS
from mastra_convex.view.studio.slugs import slug
from tests.backends import Backend
from tests.view.studio.asking import Client, Schemas, Studio
from tests.view.studio.data import ODD, fill

_QUERY = {"timeRange": {"from": "2026-01-01T00:00:00Z"}}
_ODD_QUERIES = [
    b'{"timeRange":{"from":"2026-01-01T00:00:00Z"},"where":' + where + b"}"
    for where in (
        b'{"op":"eq","left":{"path":[]},"right":1}',
        b'{"op":"eq","left":{"path":"threadId"},"right":1}',
        b"[" * 900 + b"]" * 900,
    )
]
_TOKENS = {"name": ["x"], "aggregation": "sum", "groupBy": ["traceId", "name"], "filters": {"traceIds": ["trace-1"]}}

GETS = {
    "/auth/capabilities": "",
    "/system/packages": "",
    "/editor/builder/settings": "",
    "/datasets": "",
    "/experiments": "",
    "/experiments/review-summary": "",
    "/agents": "",
    "/agents/providers": "",
    "/agents/:agentId": "/agents/r-dXNlci0x",
    "/memory/status": "",
    "/memory/config": "",
    "/memory/search": "",
    "/memory/threads": "",
    "/memory/threads/:threadId": "/memory/threads/trip",
    "/memory/threads/:threadId/messages": "/memory/threads/trip/messages",
    "/memory/threads/:threadId/working-memory": "/memory/threads/trip/working-memory",
    "/workflows": "",
    "/workflows/run-counts": "",
    "/workflows/:workflowId": "/workflows/book",
    "/workflows/:workflowId/runs": "/workflows/book/runs",
    "/workflows/:workflowId/runs/:runId": "/workflows/book/runs/waits",
    "/scores/scorers": "",
    "/scores/scorers/:scorerId": "/scores/scorers/accuracy",
    "/scores/scorer/:scorerId": "/scores/scorer/accuracy",
    "/scores/run/:runId": "/scores/run/done",
    "/scores/entity/:entityType/:entityId": "/scores/entity/AGENT/guide",
    "/observability/scores": "/observability/scores",
    "/observability/traces": "",
    "/observability/traces/light": "",
    "/observability/traces/:traceId": "/observability/traces/trace-1",
    "/observability/traces/:traceId/light": "/observability/traces/trace-1/light",
    "/observability/traces/:traceId/spans/:spanId": f"/observability/traces/trace-1/spans/{slug(ODD)}",
    "/observability/traces/:traceId/:spanId/scores": "/observability/traces/trace-1/root/scores",
    "/observability/discovery/entity-types": "",
    "/observability/discovery/entity-names": "",
    "/observability/discovery/service-names": "",
    "/observability/discovery/environments": "",
    "/observability/discovery/tags": "",
}
POSTS = {
    "/observability/traces/query": _QUERY,
    "/observability/traces/query/fields": {},
    "/observability/metrics/breakdown": _TOKENS,
}


async def test_each_route_is_accepted_by_the_schema_of_mastra(studio: Studio) -> None:
    assert {_unnamed(route) for route in GETS} == {_unnamed(route) for route in READS if route}
    assert set(POSTS) == set(QUERIES)
    for route, path in GETS.items():
        query = {"scorerId": "accuracy"} if route == "/observability/scores" else {}
        assert await studio.get(route, path, **query), route
    for route, body in POSTS.items():
        assert any((await studio.post(route, body)).values()) or route.endswith("/fields")
    assert await studio.status("") == 200


async def test_an_empty_store_gives_empty_lists(client: Client, schemas: Schemas) -> None:
    studio = Studio(client, schemas)
    for route in ("/workflows", "/workflows/run-counts", "/scores/scorers"):
        assert await studio.get(route) == {}
    assert list(await studio.get("/agents")) == ["all-threads"]
    assert (await studio.get("/memory/threads"))["threads"] == []
    assert (await studio.post("/observability/traces/query", _QUERY))["traces"] == []


async def test_what_is_not_there_is_not_found(studio: Studio) -> None:
    unknown = ["/workspaces", "/tools", "/agents/nobody", "/agents/r-", "/agents/r-!", "/memory/threads/new"]
    unknown += ["/workflows/none", "/workflows/book/runs/none", "/scores/scorers/none", "/observability/traces/none"]
    unknown += ["/observability/traces/trace-1/spans/none", "/observability/traces/query", "/agents/", "/agents/a/b/c"]
    for path in unknown:
        assert await studio.status(path) == 404, path


async def test_nothing_is_written(studio: Studio) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for path in ("/memory/threads/trip", "/workflows/book/create-run", "/anything", "/observability/traces"):
            assert await studio.status(path, method, json={}) == 405


WRONG = (
    "/memory/threads?page=-1",
    "/memory/threads?perPage=many",
    "/memory/threads?orderBy=no",
    "/memory/threads?orderBy=%5B%5D",
    '/memory/threads?orderBy=%7B"field":"title"%7D',
    '/memory/threads/trip/messages?orderBy=%7B"field":"updatedAt"%7D',
    "/memory/threads/~!",
    "/memory/search?searchQuery=a&threadId=~!",
    "/workflows/book/runs?limit=3&offset=2",
    "/workflows/book/runs?limit=0",
    "/workflows/book/runs?status=odd",
    "/workflows/book/runs?fromDate=yesterday",
    "/observability/scores",
    "/observability/traces?status=odd",
)


async def test_wrong_parameters_are_refused(client: Client, schemas: Schemas) -> None:
    for path in WRONG:
        assert await Studio(client, schemas).status(path) == 400, path


async def test_wrong_questions_are_refused(client: Client, schemas: Schemas) -> None:
    for path in QUERIES:
        odd = (b"{}", b'{"timeRange":{"from":1},"where":{"op":"odd"}}', *_ODD_QUERIES)
        for body in (b"", b"[]", b"{", *(() if path.endswith("/fields") else odd)):
            assert await Studio(client, schemas).status(path, "POST", data=body) == 400, (path, body)


async def test_reading_changes_nothing(backend: Backend, client: Client, store: ConvexStore, schemas: Schemas) -> None:
    await fill(store)
    before = await _all(backend.store())
    studio = Studio(client, schemas)
    for route, path in GETS.items():
        await studio.status(path or route)
    for route, body in POSTS.items():
        await studio.post(route, body)
    assert await _all(backend.store()) == before


async def _all(store: ConvexStore) -> list[object]:
    threads = await store.memory.list_threads(per_page=False)
    runs = await store.workflows.list_workflow_runs()
    traces = await store.observability.list_traces(per_page=100)
    return [threads, runs, traces, await store.memory.get_resource_by_id("user-1")]


def _unnamed(route: str) -> str:
    return re.sub(r":\w+|\{\w+\}", "*", route)
