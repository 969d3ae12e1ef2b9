"""Defines scores (docs/contract.md, "Scores")."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WrapValidator

from mastra_convex.domain import Id, Number, Page, Record, StoredObject, UtcDatetime, checked_when_given, new_id, now

Source = Literal["LIVE", "TEST"]
StoredSource = Annotated[Source, WrapValidator(checked_when_given)]


class Score(Record):
    """Represents the judgement of a scorer on one output.

    A missing value is None. Keys inside objects, inputs and outputs are never renamed.

    Example:
        values = {"scorer": {}, "entity": {}, "source": "TEST", "output": "Hi"}
        score = Score(scorer_id="accuracy", entity_id="agent-1", run_id="run-1", score=0.9, **values)
        saved = await store.scores.save_score(score)
        assert await store.scores.get_score_by_id(score.id) == saved
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the score; a new UUID by default."""
    scorer_id: Id
    """Identifies the scorer."""
    entity_id: str
    """Identifies the agent, workflow or step that was scored."""
    run_id: str
    """Identifies the run that produced the output."""
    score: Number
    """Holds the score, a finite number."""
    scorer: StoredObject
    """Describes the scorer."""
    entity: StoredObject
    """Describes the agent, workflow or step that was scored."""
    source: StoredSource
    """Names where the output comes from: `LIVE` use or a `TEST`."""
    output: Any
    """Holds the output that was scored, any JSON value."""
    input: Any = None
    """Holds the input of the run, any JSON value."""
    entity_type: str | None = None
    """Names the kind of the entity."""
    reason: str | None = None
    """Explains the score in text."""
    structured_output: Any = None
    """Holds Mastra's `structuredOutput`, any JSON value."""
    metadata: StoredObject | None = None
    """Holds any JSON members of the program's own."""
    additional_context: StoredObject | None = None
    """Holds further context that the scorer was given."""
    request_context: StoredObject | None = None
    """Holds the request context of the run."""
    trace_id: str | None = None
    """Identifies the trace of the run."""
    span_id: str | None = None
    """Identifies the span in the trace."""
    resource_id: str | None = None
    """Identifies the resource of the run."""
    thread_id: str | None = None
    """Identifies the thread of the run."""
    organization_id: str | None = None
    """Identifies the organization of the run."""
    project_id: str | None = None
    """Identifies the project of the run."""
    batch_id: str | None = None
    """Identifies the batch that the score belongs to."""
    dataset_id: str | None = None
    """Identifies the data set of the evaluation."""
    dataset_item_id: str | None = None
    """Identifies the item of the data set."""
    preprocess_step_result: StoredObject | None = None
    """Holds the result of the scorer's step `preprocess`."""
    preprocess_prompt: str | None = None
    """Holds the prompt of the scorer's step `preprocess`."""
    extract_step_result: StoredObject | None = None
    """Holds the result of the scorer's step `extract`."""
    extract_prompt: str | None = None
    """Holds the prompt of the scorer's step `extract`."""
    analyze_step_result: StoredObject | None = None
    """Holds the result of the scorer's step `analyze`."""
    analyze_prompt: str | None = None
    """Holds the prompt of the scorer's step `analyze`."""
    generate_score_prompt: str | None = None
    """Holds the prompt that generated the score."""
    generate_reason_prompt: str | None = None
    """Holds the prompt that generated the reason."""
    reason_prompt: str | None = None
    """Holds the prompt of the reason."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when the score was made, in UTC; now by default."""
    updated_at: UtcDatetime = Field(default_factory=now)
    """Records when the score was last saved, in UTC."""


class ScorePage(Page):
    """Holds one page of a list of scores.

    Example:
        page = await store.scores.list_scores_by_run_id("unknown")
        assert page.scores == [] and page.total == 0
    """

    scores: list[Score]
    """Lists the scores of the page, newest first."""
