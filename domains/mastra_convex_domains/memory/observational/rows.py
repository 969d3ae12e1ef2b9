"""Turns generations of observations into rows and back, and tells which rows are of one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

from mastra_convex.domain import MAX_SAFE_INTEGER, Row, about, decode_row, encode_row, string, text, to_iso
from mastra_convex.errors import NotFoundError, ValidationError
from mastra_convex_domains.memory.tables import OBSERVATIONS

from .models import ObservationalMemory, ObservationChunk

_NO_ATTRIBUTE = ("lookupKey", "activeObservationsPendingUpdate")
"""Columns that a record does not show."""


def lookup_key(thread_id: str | None, resource_id: str | None, *, operation: str) -> str:
    """Returns the key that all generations of a thread share, or without a thread those of a resource."""
    if thread_id is not None and string(thread_id, "thread_id", operation=operation):
        return f"thread:{thread_id}"
    if resource_id is None:
        raise ValidationError("thread_id or resource_id is required", operation=operation)
    return f"resource:{text(resource_id, 'resource_id', operation=operation)}"


def record_row(record: ObservationalMemory, *, operation: str) -> Row:
    """Returns the stored row of a generation."""
    columns: dict[str, Any] = {to_camel(name): value for name, value in vars(record).items()}
    columns["lookupKey"] = lookup_key(record.thread_id, record.resource_id, operation=operation)
    columns["activeObservationsPendingUpdate"] = None
    if record.buffered_observation_chunks is not None:
        columns["bufferedObservationChunks"] = chunk_values(record.buffered_observation_chunks)
    with about("record"):
        return encode_row(OBSERVATIONS, columns)


def stored_record(row: Row) -> ObservationalMemory:
    """Returns the generation of a stored row."""
    columns = decode_row(OBSERVATIONS, row)
    columns["bufferedObservations"] = (
        columns.get("activeObservationsPendingUpdate") or columns.get("bufferedObservations") or None
    )
    columns["resourceId"] = columns.get("resourceId") or ""
    return ObservationalMemory.stored({name: value for name, value in columns.items() if name not in _NO_ATTRIBUTE})


def chunk_values(chunks: Sequence[ObservationChunk]) -> list[dict[str, Any]]:
    """Returns chunks as the JSON values that the column holds: keys in camel case, times as text, nothing missing."""
    return [_chunk_value(chunk) for chunk in chunks]


def _chunk_value(chunk: ObservationChunk) -> dict[str, Any]:
    members: Mapping[str, Any] = vars(chunk)
    values = {to_camel(name): value for name, value in members.items() if value is not None}
    return {**values, "lastObservedAt": to_iso(chunk.last_observed_at), "createdAt": to_iso(chunk.created_at)}


def not_found(id: str, operation: str) -> NotFoundError:
    """Returns the error for an unknown generation."""
    message = f"observational memory record {id!r} not found"
    return NotFoundError(message, operation=operation, status="NOT_FOUND", details={"id": id})


def tokens_of(value: object, name: str, operation: str) -> float:
    """Returns a number of tokens; ValidationError that names the parameter for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SAFE_INTEGER:
        raise ValidationError(f"{name} must be a finite number >= 0", operation=operation)
    return value
