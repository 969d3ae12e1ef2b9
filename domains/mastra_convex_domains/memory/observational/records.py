"""Reads, makes and changes generations of observations (docs/contract.md, "Observational memory")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from mastra_convex.domain import (
    MAX_CONFLICTS,
    MAX_SAFE_INTEGER,
    Change,
    Condition,
    DeleteRange,
    DomainStore,
    Edit,
    EmptyGuard,
    IndexRange,
    Patch,
    Put,
    Scan,
    each,
    encode_columns,
    items,
    kept_changing,
    mapping,
    moment,
    now,
    parse,
    string,
    text,
    to_iso,
    to_json,
)
from mastra_convex.errors import ValidationError
from mastra_convex_domains.memory.tables import OBSERVATIONS

from .models import ObservationalMemory, ObservationScope
from .rows import lookup_key, not_found, record_row, stored_record, tokens_of


class ObservationMethods(DomainStore):
    """Adds the methods for whole generations of observations to MemoryStore."""

    async def get_observational_memory(
        self, thread_id: str | None, *, resource_id: str | None = None
    ) -> ObservationalMemory | None:
        """Returns the latest generation of a thread, or of a resource when `thread_id` is None; None without any."""
        key = lookup_key(thread_id, resource_id, operation="GET_OBSERVATIONAL_MEMORY")
        rows = (await self._records.read(_newest_first(key, limit=1))).rows
        return stored_record(rows[0]) if rows else None

    async def get_observational_memory_history(
        self,
        thread_id: str | None,
        *,
        resource_id: str | None = None,
        limit: int | None = 10,
        from_: datetime | None = None,
        to: datetime | None = None,
        offset: int = 0,
    ) -> list[ObservationalMemory]:
        """Lists the generations of a thread or a resource, newest first, the current one included.

        Args:
            thread_id: id of the thread; None for generations of the resource.
            resource_id: id of the resource.
            limit: generations at most; None for all.
            from_: earliest time at which a generation was made, inclusive.
            to: latest time at which a generation was made, inclusive.
            offset: generations to skip, of those that match.

        Returns:
            The generations.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "GET_OBSERVATIONAL_MEMORY_HISTORY"
        for name, number in (("limit", limit), ("offset", offset)):
            if number is not None and (type(number) is not int or not 0 <= number <= MAX_SAFE_INTEGER):
                raise ValidationError(f"{name} must be an integer >= 0", operation=operation)
        where: list[Condition] = []
        if from_ is not None:
            time = to_iso(moment(from_, "from_", operation=operation))
            where.append(Condition(path=["createdAt"], operator="gte", value=to_json(time)))
        if to is not None:
            time = to_iso(moment(to, "to", operation=operation))
            where.append(Condition(path=["createdAt"], operator="lte", value=to_json(time)))
        key = lookup_key(thread_id, resource_id, operation=operation)
        found = await self._records.read(_newest_first(key, limit=limit, offset=offset, where=where))
        return await each(stored_record, found.rows)

    async def initialize_observational_memory(
        self,
        *,
        thread_id: str | None,
        resource_id: str,
        scope: ObservationScope,
        config: Mapping[str, Any],
        observed_timezone: str | None = None,
    ) -> ObservationalMemory:
        """Makes the first generation of a thread or a resource.

        Where there is one already, its latest generation is returned and nothing is written, so that of many that
        begin at the same time all work on one.

        Args:
            thread_id: id of the thread; None for observations of the whole resource.
            resource_id: id of the resource.
            scope: `thread` or `resource`.
            config: the configuration, with Mastra's keys.
            observed_timezone: time zone of the observed user.

        Returns:
            The latest generation.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "INITIALIZE_OBSERVATIONAL_MEMORY"
        given = {
            "thread_id": thread_id or None,
            "resource_id": resource_id,
            "scope": scope,
            "config": config,
            "observed_timezone": observed_timezone,
        }
        record = parse(ObservationalMemory, given, "initialize_observational_memory()", operation=operation)
        row = record_row(record, operation=operation)
        guard = EmptyGuard(range=IndexRange(table=OBSERVATIONS.name, index="by_lookup_key", prefix=[row["lookupKey"]]))
        for _ in range(MAX_CONFLICTS):
            result = await self._records.commit([Put(table=OBSERVATIONS.name, rows=[row])], guards=[guard])
            if result.status == "done":
                return record
            rows = (await self._records.read(_newest_first(row["lookupKey"], limit=1))).rows
            if rows:
                return stored_record(rows[0])
        raise kept_changing(row["lookupKey"], operation)

    async def insert_observational_memory_record(
        self, record: ObservationalMemory | Mapping[str, Any]
    ) -> ObservationalMemory:
        """Stores a generation as it is, with chunks, flags and counts, in place of one with its id; returns it."""
        operation = "INSERT_OBSERVATIONAL_MEMORY_RECORD"
        checked = parse(ObservationalMemory, record, "record", operation=operation)
        row = record_row(checked, operation=operation)
        await self._records.commit([Put(table=OBSERVATIONS.name, rows=[row])])
        return checked

    async def update_active_observations(
        self,
        id: str,
        *,
        observations: str,
        token_count: float,
        last_observed_at: datetime,
        observed_message_ids: Sequence[str] | None = None,
    ) -> None:
        """Replaces the active observations. Afterwards no message tokens are pending.

        Args:
            id: id of the generation.
            observations: the observations.
            token_count: their tokens, which are added to `total_tokens_observed`.
            last_observed_at: when the last observed message was made.
            observed_message_ids: ids of the messages that were observed; None leaves the stored ones.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the generation does not exist.
        """
        operation = "UPDATE_ACTIVE_OBSERVATIONS"
        tokens = tokens_of(token_count, "token_count", operation)
        columns: dict[str, Any] = {
            "activeObservations": string(observations, "observations", operation=operation),
            "observationTokenCount": tokens,
            "pendingMessageTokens": 0,
            "lastObservedAt": moment(last_observed_at, "last_observed_at", operation=operation),
        }
        if observed_message_ids is not None:
            given = items(observed_message_ids, "observed_message_ids", operation=operation)
            columns["observedMessageIds"] = [
                string(id, f"observed_message_ids[{n}]", operation=operation) for n, id in enumerate(given)
            ]
        total = Edit(path=["totalTokensObserved"], reducer="add", value=to_json(tokens))
        await self._change(id, columns, [total], operation=operation)

    async def set_reflecting_flag(self, id: str, *, value: bool) -> None:
        """Stores whether a reflection is under way. Raises NotFoundError for an unknown generation."""
        await self._set_flag(id, "isReflecting", value, operation="SET_REFLECTING_FLAG")

    async def set_observing_flag(self, id: str, *, value: bool) -> None:
        """Stores whether an observation is under way. Raises NotFoundError for an unknown generation."""
        await self._set_flag(id, "isObserving", value, operation="SET_OBSERVING_FLAG")

    async def set_buffering_reflection_flag(self, id: str, *, value: bool) -> None:
        """Stores whether a reflection is made in the background. Raises NotFoundError for an unknown generation."""
        await self._set_flag(id, "isBufferingReflection", value, operation="SET_BUFFERING_REFLECTION_FLAG")

    async def set_buffering_observation_flag(
        self, id: str, *, value: bool, last_buffered_at_tokens: float | None = None
    ) -> None:
        """Stores whether an observation is made in the background.

        Args:
            id: id of the generation.
            value: the flag.
            last_buffered_at_tokens: the pending tokens at which a chunk was buffered; None leaves the stored number.

        Raises:
            ValidationError: an argument is wrong.
            NotFoundError: the generation does not exist.
        """
        operation = "SET_BUFFERING_OBSERVATION_FLAG"
        columns = {}
        if last_buffered_at_tokens is not None:
            columns["lastBufferedAtTokens"] = tokens_of(last_buffered_at_tokens, "last_buffered_at_tokens", operation)
        await self._set_flag(id, "isBufferingObservation", value, columns, operation=operation)

    async def set_pending_message_tokens(self, id: str, *, token_count: float) -> None:
        """Stores how many tokens of messages are not observed yet. Raises NotFoundError for an unknown generation."""
        operation = "SET_PENDING_MESSAGE_TOKENS"
        tokens = tokens_of(token_count, "token_count", operation)
        await self._change(id, {"pendingMessageTokens": tokens}, operation=operation)

    async def update_observational_memory_config(self, id: str, *, config: Mapping[str, Any]) -> None:
        """Merges members into the configuration, objects at every level. Raises NotFoundError for an unknown
        generation.
        """
        operation = "UPDATE_OBSERVATIONAL_MEMORY_CONFIG"
        members = mapping(config, "config", operation=operation)
        await self._change(id, {}, list(_merges(["config"], members)), operation=operation)

    async def clear_observational_memory(self, thread_id: str | None, *, resource_id: str | None = None) -> None:
        """Deletes all generations of a thread, or of a resource when `thread_id` is None."""
        key = lookup_key(thread_id, resource_id, operation="CLEAR_OBSERVATIONAL_MEMORY")
        range = IndexRange(table=OBSERVATIONS.name, index="by_lookup_key", prefix=[key])
        await self._records.commit([DeleteRange(range=range)], mode="resumable")

    async def _set_flag(
        self, id: str, column: str, value: object, columns: Mapping[str, Any] | None = None, *, operation: str
    ) -> None:
        if not isinstance(value, bool):
            raise ValidationError("value must be True or False", operation=operation)
        await self._change(id, {column: value, **(columns or {})}, operation=operation)

    async def _change(self, id: str, columns: Mapping[str, Any], edits: Sequence[Edit] = (), *, operation: str) -> None:
        text(id, "id", operation=operation)
        change = Change(set=encode_columns(OBSERVATIONS, {**columns, "updatedAt": now()}), edits=edits)
        result = await self._records.commit([Patch(table=OBSERVATIONS.name, keys=[[id]], change=change)])
        if result.outcomes[0].missing:
            raise not_found(id, operation)


def _newest_first(key: str, **options: Any) -> Scan:
    return Scan(table=OBSERVATIONS.name, index="by_lookup_key", prefixes=[[key]], order="desc", **options)


def _merges(path: list[str], members: Mapping[str, Any]) -> Iterator[Edit]:
    """Makes edits that merge objects at every level; what is no object replaces what is there."""
    plain = {name: value for name, value in members.items() if not isinstance(value, dict)}
    yield Edit(path=path, reducer="merge", value=to_json(plain))
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _merges([*path, name], cast(dict[str, Any], value))
