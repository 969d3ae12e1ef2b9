"""Scorers, which are known by their scores, and scores."""

from __future__ import annotations

from typing import Any, Final

from mastra_convex.errors import ValidationError
from mastra_convex.view.studio.calls import Call, members, page_info
from mastra_convex.view.studio.slugs import slug

_SCORES: Final = 25
_ENTITIES: Final = {
    "AGENT": "agent",
    "WORKFLOW": "workflow_run",
    "STEP": "workflow_step",
    "TRAJECTORY": "trajectory",
}
"""The kinds of entities of scores, as traces name them."""


async def list_scorers(call: Call) -> dict[str, Any]:
    """Returns the scorers that have scores."""
    found = await call.catalog.scorers()
    return {slug(id): _scorer(id, described) for id, described in found.items()}


async def get_scorer(call: Call) -> dict[str, Any] | None:
    """Returns a scorer as its newest score describes it."""
    id = call.id("scorer")
    page = await call.store.scores.list_scores_by_scorer_id(id, per_page=1, include_total=False)
    return _scorer(id, page.scores[0].scorer) if page.scores else None


async def list_of_scorer(call: Call) -> dict[str, Any]:
    """Returns a page of the scores of a scorer, newest first."""
    page, per_page = call.page(_SCORES)
    return _page(
        await call.store.scores.list_scores_by_scorer_id(
            call.id("scorer"),
            entity_id=call.optional_id("entityId"),
            entity_type=call.text("entityType"),
            page=page,
            per_page=per_page,
            include_total=False,
        )
    )


async def list_of_run(call: Call) -> dict[str, Any]:
    """Returns a page of the scores of a run."""
    page, per_page = call.page(_SCORES)
    return _page(
        await call.store.scores.list_scores_by_run_id(call.id("run"), page=page, per_page=per_page, include_total=False)
    )


async def list_of_entity(call: Call) -> dict[str, Any]:
    """Returns a page of the scores of an entity."""
    page, per_page = call.page(_SCORES)
    return _page(
        await call.store.scores.list_scores_by_entity_id(
            call.id("entity"), entity_type=call.id("kind"), page=page, per_page=per_page, include_total=False
        )
    )


async def list_of_span(call: Call) -> dict[str, Any]:
    """Returns a page of the scores of a span."""
    page, per_page = call.page(_SCORES)
    return _page(
        await call.store.scores.list_scores_by_span(
            call.id("trace"), span_id=call.id("span"), page=page, per_page=per_page, include_total=False
        )
    )


async def list_over_time(call: Call) -> dict[str, Any]:
    """Returns a page of the scores of a scorer as points of a curve."""
    scorer = call.optional_id("scorerId")
    if scorer is None:
        raise ValidationError("scorerId must be given")
    page, per_page = call.page(_SCORES)
    found = await call.store.scores.list_scores_by_scorer_id(scorer, page=page, per_page=per_page, include_total=False)
    return {"pagination": page_info(found, len(found.scores)), "scores": [_point(score) for score in found.scores]}


def _page(found: Any) -> dict[str, Any]:
    return {
        "pagination": page_info(found, len(found.scores)),
        "scores": [{**members(score), **_place(score)} for score in found.scores],
    }


def _place(score: Any) -> dict[str, str]:
    """Returns the trace and the span of a score, as far as it has them, in the form of paths."""
    ids = {"traceId": score.trace_id, "spanId": score.span_id}
    return {name: slug(id) for name, id in ids.items() if id is not None}


def _point(score: Any) -> dict[str, Any]:
    kind = _ENTITIES.get(score.entity_type or "")
    return {
        "scoreId": score.id,
        "timestamp": score.created_at,
        "scorerId": slug(score.scorer_id),
        "scoreSource": score.source,
        "score": score.score,
        "reason": score.reason,
        "entityType": kind,
        "entityId": score.entity_id,
        "traceId": None,
        "spanId": None,
        **_place(score),
        "runId": score.run_id,
        "resourceId": score.resource_id,
        "threadId": score.thread_id,
        "metadata": score.metadata,
    }


def _scorer(id: str, described: dict[str, Any]) -> dict[str, Any]:
    name, description = (described.get(member) for member in ("name", "description"))
    config = {
        "id": slug(id),
        "name": name if isinstance(name, str) and name else id,
        "description": description if isinstance(description, str) else "",
    }
    return {
        "scorer": {"config": config},
        "agentIds": [],
        "agentNames": [],
        "workflowIds": [],
        "isRegistered": True,
        "source": "code",
    }
