"""Buffers chunks of observations and makes them active (docs/contract.md, "Observational memory")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    Change,
    Condition,
    DomainStore,
    Edit,
    Guard,
    HoldsGuard,
    KeyGuard,
    Patch,
    Row,
    WriteOp,
    encode_columns,
    moment,
    now,
    parse,
    parse_list,
    read_modify_write,
    text,
    to_iso,
    to_json,
)
from mastra_convex.errors import LargeValueError, ValidationError
from mastra_convex_domains.memory.tables import OBSERVATIONS

from .activation import chunks_to_activate, result_of
from .models import ActivationResult, ObservationChunk
from .rows import chunk_values, not_found, stored_record

_CHUNKS = ["bufferedObservationChunks"]


class BufferMethods(DomainStore):
    """Adds the methods for buffered observations to MemoryStore."""

    async def update_buffered_observations(
        self,
        id: str,
        *,
        chunk: ObservationChunk | Mapping[str, Any],
        last_buffered_at_time: datetime | None = None,
    ) -> None:
        """Appends a chunk, unless one of its cycle is buffered: then nothing is written, as the call is a repeat.

        This is one atomic round trip. The chunk gets a new id and the present time.

        Args:
            id: id of the generation.
            chunk: the chunk.
            last_buffered_at_time: when it was buffered; None leaves the stored time.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the generation does not exist.
        """
        operation = "UPDATE_BUFFERED_OBSERVATIONS"
        text(id, "id", operation=operation)
        given = parse(ObservationChunk, chunk, "chunk", operation=operation)
        named = {"id": ObservationChunk.model_fields["id"].get_default(call_default_factory=True), "created_at": now()}
        buffered = given.model_copy(update=named)
        columns: dict[str, Any] = {"updatedAt": now()}
        if last_buffered_at_time is not None:
            columns["lastBufferedAtTime"] = moment(last_buffered_at_time, "last_buffered_at_time", operation=operation)
        append = Edit(path=_CHUNKS, reducer="append", value=to_json(chunk_values([buffered])))
        patch = Patch(
            table=OBSERVATIONS.name,
            keys=[[id]],
            change=Change(set=encode_columns(OBSERVATIONS, columns), edits=[append]),
        )
        is_new = Condition(path=_CHUNKS, operator="lacks", value=to_json({"cycleId": given.cycle_id}))
        exists = KeyGuard(guard="exists", table=OBSERVATIONS.name, key=[id])
        try:
            guards: list[Guard] = [exists, HoldsGuard(table=OBSERVATIONS.name, key=[id], where=[is_new])]
            result = await self._records.commit([patch], guards=guards)
        except LargeValueError:  # the buffer is kept in chunks of its own, where the database cannot look
            await self._append_to_large(id, given.cycle_id, patch, operation)
        else:
            if result.guard == 0:
                raise not_found(id, operation)

    async def _append_to_large(self, id: str, cycle_id: str, patch: Patch, operation: str) -> None:
        async def change(row: Row | None) -> list[WriteOp] | None:
            if row is None:
                raise not_found(id, operation)
            buffered = stored_record(row).buffered_observation_chunks or ()
            return None if any(chunk.cycle_id == cycle_id for chunk in buffered) else [patch]

        await read_modify_write(self._records, OBSERVATIONS, [id], change, operation=operation)

    async def swap_buffered_to_active(
        self,
        id: str,
        *,
        activation_ratio: float,
        message_tokens_threshold: float,
        current_pending_tokens: float,
        force_max_activation: bool = False,
        last_observed_at: datetime | None = None,
        buffered_chunks: Sequence[ObservationChunk | Mapping[str, Any]] | None = None,
    ) -> ActivationResult:
        """Makes the oldest buffered chunks active, as many as leave the wanted number of message tokens.

        The chunks are chosen from what is stored at the moment of the write: one that is appended meanwhile stays
        buffered, and one that is active already is not made active again.

        Args:
            id: id of the generation.
            activation_ratio: the part of the threshold to activate, from 0 to 1.
            message_tokens_threshold: the tokens of messages at which an observation is due.
            current_pending_tokens: the tokens of messages that are not observed yet.
            force_max_activation: True activates as many as reach the target, also where that overshoots.
            last_observed_at: when the last observed message was made; by default that of the last chunk.
            buffered_chunks: chunks that the caller read, to choose from instead of all that are stored.

        Returns:
            What was activated.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the generation does not exist.
            ConflictError: others changed the generation at each of 1,000 attempts; the call may be retried.
        """
        operation = "SWAP_BUFFERED_TO_ACTIVE"
        text(id, "id", operation=operation)
        for name, number, most in (
            ("activation_ratio", activation_ratio, 1),
            ("message_tokens_threshold", message_tokens_threshold, MAX_SAFE_INTEGER),
            ("current_pending_tokens", current_pending_tokens, MAX_SAFE_INTEGER),
        ):
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= most:
                raise ValidationError(f"{name} must be a number from 0 to {most}", operation=operation)
        time = None if last_observed_at is None else moment(last_observed_at, "last_observed_at", operation=operation)
        given = (
            None
            if buffered_chunks is None
            else parse_list(ObservationChunk, buffered_chunks, "buffered_chunks", operation=operation)
        )
        activated = ActivationResult()

        async def change(row: Row | None) -> list[WriteOp] | None:
            nonlocal activated
            if row is None:
                raise not_found(id, operation)
            record = stored_record(row)
            stored = record.buffered_observation_chunks or []
            names = {_name(chunk) for chunk in stored}
            chunks = stored if given is None else [chunk for chunk in given if _name(chunk) in names]
            if not chunks:
                activated = ActivationResult()
                return None
            count = chunks_to_activate(
                chunks,
                ratio=activation_ratio,
                threshold=message_tokens_threshold,
                pending=current_pending_tokens,
                force=force_max_activation,
            )
            activated = result_of(chunks[:count])
            gone = {_name(chunk) for chunk in chunks[:count]}
            rest = [chunk for chunk in stored if _name(chunk) not in gone]
            observed = time or chunks[count - 1].last_observed_at
            boundary = f"\n\n--- message boundary ({to_iso(observed)}) ---\n\n"
            before = f"{record.active_observations}{boundary}" if record.active_observations else ""
            pending = record.pending_message_tokens - activated.message_tokens_activated
            columns = {
                "activeObservations": f"{before}{activated.observations}",
                "observationTokenCount": record.observation_token_count + activated.observation_tokens_activated,
                "pendingMessageTokens": max(0, pending),
                "bufferedObservationChunks": chunk_values(rest) if rest else None,
                "lastObservedAt": observed,
                "updatedAt": now(),
            }
            return [
                Patch(table=OBSERVATIONS.name, keys=[[id]], change=Change(set=encode_columns(OBSERVATIONS, columns)))
            ]

        await read_modify_write(self._records, OBSERVATIONS, [id], change, operation=operation)
        return activated


def _name(chunk: ObservationChunk) -> str:
    """Returns what tells a chunk from others: its cycle, or its id when it has none."""
    return chunk.cycle_id or chunk.id
