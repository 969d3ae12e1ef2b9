"""The routes of Mastra's server that Studio reads (docs/studio.md). Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler as WebHandler

from mastra_convex.view.app import STORE
from mastra_convex.view.studio import agents, memory, scores, searching, system, traces, workflows
from mastra_convex.view.studio.calls import Call, Handler, refusal, respond
from mastra_convex.view.studio.catalog import Catalog

PREFIX: Final = "/api"

READS: Final[Mapping[str, Handler]] = {
    "": system.greet,
    "/auth/capabilities": system.get_capabilities,
    "/system/packages": system.get_packages,
    "/editor/builder/settings": system.get_builder,
    "/datasets": system.list_datasets,
    "/experiments": system.list_experiments,
    "/experiments/review-summary": system.count_reviews,
    "/agents": agents.list_agents,
    "/agents/providers": agents.list_providers,
    "/agents/{agent}": agents.get_agent,
    "/memory/status": memory.get_status,
    "/memory/config": memory.get_config,
    "/memory/search": searching.search,
    "/memory/threads": memory.list_threads,
    "/memory/threads/{thread}": memory.get_thread,
    "/memory/threads/{thread}/messages": memory.list_messages,
    "/memory/threads/{thread}/working-memory": memory.get_working_memory,
    "/workflows": workflows.list_workflows,
    "/workflows/run-counts": workflows.count_runs,
    "/workflows/{workflow}": workflows.get_workflow,
    "/workflows/{workflow}/runs": workflows.list_runs,
    "/workflows/{workflow}/runs/{run}": workflows.get_run,
    "/scores/scorers": scores.list_scorers,
    "/scores/scorers/{scorer}": scores.get_scorer,
    "/scores/scorer/{scorer}": scores.list_of_scorer,
    "/scores/run/{run}": scores.list_of_run,
    "/scores/entity/{kind}/{entity}": scores.list_of_entity,
    "/observability/scores": scores.list_over_time,
    "/observability/traces": traces.list_traces,
    "/observability/traces/light": traces.list_traces_light,
    "/observability/traces/{trace}": traces.get_trace,
    "/observability/traces/{trace}/light": traces.get_trace_light,
    "/observability/traces/{trace}/spans/{span}": traces.get_span,
    "/observability/traces/{trace}/{span}/scores": scores.list_of_span,
    "/observability/discovery/entity-types": traces.list_entity_types,
    "/observability/discovery/entity-names": traces.list_entity_names,
    "/observability/discovery/service-names": traces.list_service_names,
    "/observability/discovery/environments": traces.list_environments,
    "/observability/discovery/tags": traces.list_tags,
}
"""Lists what is asked for by GET."""

QUERIES: Final[Mapping[str, Handler]] = {
    "/observability/traces/query": traces.query_traces,
    "/observability/traces/query/fields": traces.list_query_fields,
    "/observability/metrics/breakdown": traces.sum_tokens,
}
"""Lists what is asked for by POST, and reads all the same."""


QUERY_PATHS: Final = tuple(PREFIX + path for path in QUERIES)


def add_routes(app: web.Application) -> None:
    """Adds Studio's routes to the application of the pages, which refuses what would write."""
    store = app[STORE]
    catalog = Catalog(store)

    def answered(handler: Handler) -> WebHandler:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await respond(handler, Call(store, catalog, request))

        return answer

    for path, handler in READS.items():
        app.router.add_get(PREFIX + path, answered(handler))
    for path, handler in QUERIES.items():
        app.router.add_post(PREFIX + path, answered(handler))
    app.router.add_get(PREFIX + "/{rest:.*}", _not_ours)


async def _not_ours(request: web.Request) -> web.StreamResponse:
    return refusal(404, "not found")
