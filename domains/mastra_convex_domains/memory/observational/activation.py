"""Chooses which buffered chunks become active (docs/contract.md, "Observational memory")."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from .models import ActivatedChunk, ActivationResult, ObservationChunk

_MOST_REMAINING = 1_000
"""So many tokens of messages are to remain, or as many as the threshold leaves if these are fewer."""
_OVERSHOOT = 0.95
"""More may be activated than was aimed at by this part of what is to remain."""


def chunks_to_activate(
    chunks: Sequence[ObservationChunk], *, ratio: float, threshold: float, pending: float, force: bool
) -> int:
    """Returns how many chunks, from the first on, become active; at least one of a list that is not empty.

    Args:
        chunks: the buffered chunks, oldest first.
        ratio: the part of the threshold that is to be activated.
        threshold: the tokens of messages at which an observation is due.
        pending: the tokens of messages that are not observed yet.
        force: whether to reach the target even if that overshoots.
    """
    floor = threshold * (1 - ratio)
    target = max(0.0, pending - floor)
    sums = list(accumulate(chunk.message_tokens for chunk in chunks))
    over = next((n for n, total in enumerate(sums, 1) if total >= target), None)
    below = [(total, n) for n, total in enumerate(sums, 1) if 0 < total < target]
    under = max(below, key=lambda found: found[0])[1] if below else None
    least = min(_MOST_REMAINING, floor)
    remaining_over = pending - (sums[over - 1] if over else 0)
    remaining_under = pending - (sums[under - 1] if under else 0)
    if over is not None and remaining_over >= least:
        overshoot = sums[over - 1] - target
        if force or overshoot <= _OVERSHOOT * floor:
            return over
    if under is not None and remaining_under >= least:
        return under
    return over or 1


def result_of(chunks: Sequence[ObservationChunk]) -> ActivationResult:
    """Returns what a swap tells of the chunks that it activated."""
    return ActivationResult(
        chunks_activated=len(chunks),
        message_tokens_activated=sum(chunk.message_tokens for chunk in chunks),
        observation_tokens_activated=sum(chunk.token_count for chunk in chunks),
        messages_activated=sum(len(chunk.message_ids) for chunk in chunks),
        activated_cycle_ids=[chunk.cycle_id for chunk in chunks if chunk.cycle_id],
        activated_message_ids=[id for chunk in chunks for id in chunk.message_ids],
        observations="\n\n".join(chunk.observations for chunk in chunks),
        per_chunk=[
            ActivatedChunk(
                cycle_id=chunk.cycle_id,
                message_tokens=chunk.message_tokens,
                observation_tokens=chunk.token_count,
                message_count=len(chunk.message_ids),
                observations=chunk.observations,
            )
            for chunk in chunks
        ],
        suggested_continuation=chunks[-1].suggested_continuation,
        current_task=chunks[-1].current_task,
    )
