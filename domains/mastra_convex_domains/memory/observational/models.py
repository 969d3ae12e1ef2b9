"""Defines observational memory (docs/contract.md, "Observational memory")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WrapValidator

from mastra_convex.domain import (
    Id,
    Record,
    StoredObject,
    UtcDatetime,
    checked_when_given,
    is_stored,
    new_id,
    now,
)

ObservationScope = Literal["thread", "resource"]
ObservationOrigin = Literal["initial", "reflection"]


def _none_when_empty(value: Any, info: ValidationInfo) -> Any:
    """Reads what other writers store for a missing value, `""` and 0, as None."""
    return None if is_stored(info) and value in ("", 0) else value


Tokens = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
"""A field type: a number of tokens, which may be an estimate."""
MaybeText = Annotated[str | None, BeforeValidator(_none_when_empty)]
MaybeTokens = Annotated[Tokens | None, BeforeValidator(_none_when_empty)]
MaybeTime = Annotated[UtcDatetime | None, BeforeValidator(_none_when_empty)]


class ObservationChunk(Record):
    """Represents observations of some messages that are not active yet.

    Example:
        chunk = ObservationChunk(cycle_id="c1", observations="Likes tea", token_count=3, message_ids=["m1"],
                                 message_tokens=20, last_observed_at=datetime.now(UTC))
        assert chunk.id.startswith("ombuf-")
    """

    id: Id = Field(default_factory=lambda: f"ombuf-{new_id()}")
    """Identifies the chunk; `ombuf-` and a new UUID by default."""
    cycle_id: str
    """Identifies the cycle of observation that made the chunk. A record has one chunk of a cycle."""
    observations: str
    """Holds the observations."""
    token_count: Tokens
    """Counts the tokens of the observations."""
    message_ids: list[str]
    """Lists the messages that were observed."""
    message_tokens: Tokens
    """Counts the tokens of these messages."""
    last_observed_at: UtcDatetime
    """Records when the last of these messages was made, in UTC."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when the chunk was made, in UTC; now by default."""
    suggested_continuation: str | None = None
    """Suggests how the agent goes on, or is None."""
    current_task: str | None = None
    """Names what the agent works on, or is None."""
    thread_title: str | None = None
    """Suggests a title of the thread, or is None."""
    extracted_values: StoredObject | None = None
    """Holds the values that extractors found, or is None."""
    extraction_failures: list[dict[str, Any]] | None = None
    """Lists the extractors that failed, `{"slug": ..., "error": ...}`, or is None."""


class ObservationalMemory(Record):
    """Represents one generation of the observations of a thread or a resource.

    Example:
        config = {"observation": {"messageTokens": 30_000}}
        made = await store.memory.initialize_observational_memory(
            thread_id="trip", resource_id="user-1", scope="thread", config=config
        )
        assert made.generation_count == 0 and made.active_observations == ""
        assert await store.memory.get_observational_memory("trip", resource_id="user-1") == made
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the generation; a new UUID by default."""
    scope: Annotated[ObservationScope, WrapValidator(checked_when_given)]
    """Tells what is observed: a `thread`, or all threads of a `resource`."""
    thread_id: MaybeText = None
    """Names the thread, or is None."""
    resource_id: str
    """Names the resource."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when the generation was made, in UTC."""
    updated_at: UtcDatetime = Field(default_factory=now)
    """Records when it was changed last, in UTC."""
    last_observed_at: MaybeTime = None
    """Records when the last observed message was made, or is None."""
    last_reflection_at: MaybeTime = None
    """Records when the generation was made by reflection, or is None."""
    origin_type: Annotated[ObservationOrigin, WrapValidator(checked_when_given)] = "initial"
    """Tells how the generation was made: `initial` or by `reflection`."""
    generation_count: int = Field(default=0, strict=True, ge=0)
    """Counts the generations before it."""
    active_observations: str = ""
    """Holds the observations that the agent sees."""
    buffered_observation_chunks: list[ObservationChunk] | None = None
    """Lists the chunks that are not active yet, or is None."""
    buffered_observations: MaybeText = None
    """Holds what versions without chunks buffered, or is None."""
    buffered_observation_tokens: MaybeTokens = None
    """Counts the tokens of `buffered_observations`, or is None."""
    buffered_message_ids: list[str] | None = None
    """Lists the messages of `buffered_observations`, or is None."""
    buffered_reflection: MaybeText = None
    """Holds a reflection that is not active yet, or is None."""
    buffered_reflection_tokens: MaybeTokens = None
    """Counts the tokens of the buffered reflection, or is None."""
    buffered_reflection_input_tokens: MaybeTokens = None
    """Counts the tokens that the buffered reflection was made of, or is None."""
    reflected_observation_line_count: Annotated[int | None, BeforeValidator(_none_when_empty)] = None
    """Counts the lines of the active observations that the buffered reflection replaces, or is None."""
    observed_message_ids: list[str] | None = None
    """Lists messages that were observed, or is None."""
    observed_timezone: MaybeText = None
    """Names the time zone of the observed user, or is None."""
    total_tokens_observed: Tokens = 0
    """Counts the tokens of all observations so far, those of earlier generations included."""
    observation_token_count: Tokens = 0
    """Counts the tokens of the active observations."""
    pending_message_tokens: Tokens = 0
    """Counts the tokens of messages that are not observed yet."""
    is_reflecting: bool = False
    """Tells whether a reflection is under way."""
    is_observing: bool = False
    """Tells whether an observation is under way."""
    is_buffering_observation: bool = False
    """Tells whether an observation is made in the background."""
    is_buffering_reflection: bool = False
    """Tells whether a reflection is made in the background."""
    last_buffered_at_tokens: Tokens = 0
    """Records the pending tokens at which a chunk was buffered last."""
    last_buffered_at_time: MaybeTime = None
    """Records when a chunk was buffered last, or is None."""
    config: StoredObject = Field(default_factory=dict)
    """Holds the configuration, with Mastra's keys."""
    metadata: StoredObject | None = None
    """Holds any JSON members of the program's own, or None."""


class ActivatedChunk(BaseModel):
    """Tells of one chunk that a swap activated.

    Example:
        chunk = ActivatedChunk(
            cycle_id="c1", message_tokens=20, observation_tokens=3, message_count=1, observations="Likes tea"
        )
        assert chunk.cycle_id == "c1"
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    cycle_id: str
    """Identifies the cycle of the chunk, or is `""`."""
    message_tokens: float
    """Counts the tokens of its messages."""
    observation_tokens: float
    """Counts the tokens of its observations."""
    message_count: int
    """Counts its messages."""
    observations: str
    """Holds its observations."""


class ActivationResult(BaseModel):
    """Tells what a swap of buffered chunks did; without a chunk that was activated all counts are 0.

    Example:
        nothing = ActivationResult()
        assert nothing.chunks_activated == 0 and nothing.observations is None
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    chunks_activated: int = 0
    """Counts the chunks that became active."""
    message_tokens_activated: float = 0
    """Counts the tokens of their messages."""
    observation_tokens_activated: float = 0
    """Counts the tokens of their observations."""
    messages_activated: int = 0
    """Counts their messages."""
    activated_cycle_ids: list[str] = []
    """Lists the cycles that made them."""
    activated_message_ids: list[str] = []
    """Lists their messages."""
    observations: str | None = None
    """Holds their observations, joined by blank lines, or is None."""
    per_chunk: list[ActivatedChunk] | None = None
    """Tells of each chunk, or is None."""
    suggested_continuation: str | None = None
    """Repeats the suggestion of the last chunk."""
    current_task: str | None = None
    """Repeats the task of the last chunk."""
