"""Makes a new generation of observations by reflection (docs/contract.md, "Observational memory")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex.domain import (
    Change,
    DomainStore,
    EmptyGuard,
    IndexRange,
    Patch,
    Put,
    Row,
    WriteOp,
    encode_columns,
    new_id,
    now,
    parse,
    read_modify_write,
    string,
    text,
)
from mastra_convex.errors import ConflictError, MastraConvexError
from mastra_convex_domains.memory.tables import OBSERVATIONS

from .models import ObservationalMemory
from .rows import lookup_key, not_found, record_row, stored_record, tokens_of

_BUFFERED = (
    "bufferedReflection",
    "bufferedReflectionTokens",
    "bufferedReflectionInputTokens",
    "reflectedObservationLineCount",
)
"""The columns of a reflection that is not active yet."""


class ReflectionMethods(DomainStore):
    """Adds the methods for reflections to MemoryStore."""

    async def create_reflection_generation(
        self, current_record: ObservationalMemory | Mapping[str, Any], *, reflection: str, token_count: float
    ) -> ObservationalMemory:
        """Stores a reflection as the next generation. The current one stays as it is.

        Args:
            current_record: the current generation.
            reflection: the active observations of the next one.
            token_count: their tokens.

        Returns:
            The next generation.

        Raises:
            ValidationError: an argument is wrong.
            ConflictError: there is a next generation already; nothing was written.
        """
        operation = "CREATE_REFLECTION_GENERATION"
        current = parse(ObservationalMemory, current_record, "current_record", operation=operation)
        string(reflection, "reflection", operation=operation)
        following = _next(current, reflection, tokens_of(token_count, "token_count", operation))
        row = record_row(following, operation=operation)
        result = await self._records.commit([Put(table=OBSERVATIONS.name, rows=[row])], guards=[_is_next(row)])
        if result.status == "conflict":
            raise _exists(following, operation)
        return following

    async def update_buffered_reflection(
        self,
        id: str,
        *,
        reflection: str,
        token_count: float,
        input_token_count: float,
        reflected_observation_line_count: int,
    ) -> None:
        """Appends to the reflection that is not active yet, after a blank line where there is text.

        Args:
            id: id of the generation.
            reflection: the text to append.
            token_count: its tokens, which are added to those that are buffered.
            input_token_count: the tokens that it was made of, which are added too.
            reflected_observation_line_count: how many lines of the active observations the whole reflection replaces.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the generation does not exist.
            ConflictError: others changed the generation at each of 1,000 attempts; the call may be retried.
        """
        operation = "UPDATE_BUFFERED_REFLECTION"
        text(id, "id", operation=operation)
        string(reflection, "reflection", operation=operation)
        tokens = tokens_of(token_count, "token_count", operation)
        input_tokens = tokens_of(input_token_count, "input_token_count", operation)
        lines = int(tokens_of(reflected_observation_line_count, "reflected_observation_line_count", operation))

        async def change(row: Row | None) -> list[WriteOp] | None:
            if row is None:
                raise not_found(id, operation)
            record = stored_record(row)
            before = f"{record.buffered_reflection}\n\n" if record.buffered_reflection else ""
            columns = {
                "bufferedReflection": f"{before}{reflection}",
                "bufferedReflectionTokens": (record.buffered_reflection_tokens or 0) + tokens,
                "bufferedReflectionInputTokens": (record.buffered_reflection_input_tokens or 0) + input_tokens,
                "reflectedObservationLineCount": lines,
                "updatedAt": now(),
            }
            return [_patch(id, columns)]

        await read_modify_write(self._records, OBSERVATIONS, [id], change, operation=operation)

    async def swap_buffered_reflection_to_active(
        self, current_record: ObservationalMemory | Mapping[str, Any], *, token_count: float
    ) -> ObservationalMemory:
        """Stores the buffered reflection as the next generation, and removes it from the current one.

        The lines of the active observations that it does not replace follow it. All this is one commit, made of what
        is stored at that moment.

        Args:
            current_record: the current generation.
            token_count: the tokens of the active observations of the next one.

        Returns:
            The next generation.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the generation does not exist.
            MastraConvexError: no reflection is buffered.
            ConflictError: there is a next generation already; nothing was written.
        """
        operation = "SWAP_BUFFERED_REFLECTION_TO_ACTIVE"
        current = parse(ObservationalMemory, current_record, "current_record", operation=operation)
        tokens = tokens_of(token_count, "token_count", operation)
        following = current

        async def change(row: Row | None) -> list[WriteOp] | None:
            nonlocal following
            if row is None:
                raise not_found(current.id, operation)
            record = stored_record(row)
            if record.buffered_reflection is None:
                raise MastraConvexError(
                    f"No buffered reflection in observational memory record {current.id!r}",
                    operation=operation,
                    status="NO_BUFFERED_REFLECTION",
                )
            lines = record.active_observations.split("\n")[record.reflected_observation_line_count or 0 :]
            rest = "\n".join(lines).strip()
            reflection = f"{record.buffered_reflection}\n\n{rest}" if rest else record.buffered_reflection
            following = _next(record, reflection, tokens)
            new = record_row(following, operation=operation)
            return [
                Put(table=OBSERVATIONS.name, rows=[new]),
                _patch(current.id, dict.fromkeys(_BUFFERED)),
            ]

        key = lookup_key(current.thread_id, current.resource_id, operation=operation)
        guard = _is_next({"lookupKey": key, "generationCount": current.generation_count + 1})
        await read_modify_write(
            self._records,
            OBSERVATIONS,
            [current.id],
            change,
            operation=operation,
            guard=guard,
            refused=lambda: _exists(following, operation),
        )
        return following


def _next(current: ObservationalMemory, observations: str, tokens: float) -> ObservationalMemory:
    time = now()
    return ObservationalMemory(
        id=new_id(),
        scope=current.scope,
        thread_id=current.thread_id,
        resource_id=current.resource_id,
        created_at=time,
        updated_at=time,
        last_observed_at=current.last_observed_at,
        last_reflection_at=time,
        origin_type="reflection",
        generation_count=current.generation_count + 1,
        active_observations=observations,
        observed_timezone=current.observed_timezone,
        total_tokens_observed=current.total_tokens_observed,
        observation_token_count=tokens,
        config=current.config,
        metadata=current.metadata,
    )


def _is_next(row: Mapping[str, Any]) -> EmptyGuard:
    """Returns the guard that a generation is not there yet."""
    prefix = [row["lookupKey"], row["generationCount"]]
    return EmptyGuard(range=IndexRange(table=OBSERVATIONS.name, index="by_lookup_key", prefix=prefix))


def _exists(record: ObservationalMemory, operation: str) -> ConflictError:
    message = f"generation {record.generation_count} of these observations exists already"
    return ConflictError(message, operation=operation, status="GENERATION_EXISTS")


def _patch(id: str, columns: Mapping[str, Any]) -> Patch:
    return Patch(table=OBSERVATIONS.name, keys=[[id]], change=Change(set=encode_columns(OBSERVATIONS, columns)))
