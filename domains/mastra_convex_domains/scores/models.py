"""Scores as Python sees them (docs/contract.md, "Scores")."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WrapValidator

from mastra_convex.contract.models import Id, Record, StoredObject, UtcDatetime, checked_when_given, new_id
from mastra_convex.contract.pages import Page
from mastra_convex.rows.times import now

Source = Literal["LIVE", "TEST"]
StoredSource = Annotated[Source, WrapValidator(checked_when_given)]


class Score(Record):
    """What a scorer said of one output.

    `entity` is what was scored (an agent, a workflow, a step, ...), `entity_type` its kind. A missing value is None;
    nothing inside objects, inputs and outputs is renamed.
    """

    id: Id = Field(default_factory=new_id)
    scorer_id: Id
    entity_id: str
    run_id: str
    score: float = Field(strict=True, allow_inf_nan=False)
    scorer: StoredObject
    entity: StoredObject
    source: StoredSource
    output: Any
    input: Any = None
    entity_type: str | None = None
    reason: str | None = None
    structured_output: Any = None
    metadata: StoredObject | None = None
    additional_context: StoredObject | None = None
    request_context: StoredObject | None = None
    trace_id: str | None = None
    span_id: str | None = None
    resource_id: str | None = None
    thread_id: str | None = None
    organization_id: str | None = None
    project_id: str | None = None
    batch_id: str | None = None
    dataset_id: str | None = None
    dataset_item_id: str | None = None
    preprocess_step_result: StoredObject | None = None
    preprocess_prompt: str | None = None
    extract_step_result: StoredObject | None = None
    extract_prompt: str | None = None
    analyze_step_result: StoredObject | None = None
    analyze_prompt: str | None = None
    generate_score_prompt: str | None = None
    generate_reason_prompt: str | None = None
    reason_prompt: str | None = None
    created_at: UtcDatetime = Field(default_factory=now)
    updated_at: UtcDatetime = Field(default_factory=now)


class ScorePage(Page):
    scores: list[Score]
