"""Changes a row by a function of what is stored, without losing what others write meanwhile."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from mastra_convex.domain import Get, KeyGuard, Records, Row, Table, UnchangedGuard, WriteOp
from mastra_convex.errors import ConflictError, ValidationError

A = TypeVar("A")
T = TypeVar("T")

MAX_CONFLICTS: Final = 1_000
"""A change is tried so many times while others change the same row. Each failure is another one's success."""


async def read_modify_write(
    records: Records,
    table: Table,
    id: str,
    change: Callable[[Row | None], Awaitable[Sequence[WriteOp] | None]],
    *,
    operation: str,
) -> Row | None:
    """Reads a row, and writes what `change` makes of it unless the row was changed meanwhile; then all begins anew.

    Args:
        records: the records of the domain.
        table: a table whose key is `id`.
        id: the id of the row.
        change: function of the row, None for a missing one, that returns the writes, or None to write nothing.
        operation: the operation that errors name.

    Returns:
        The row after the change; None when it does not exist.

    Raises:
        ConflictError: others changed the row at each attempt.
    """
    get = Get(table=table.name, keys=[[id]])
    for _ in range(MAX_CONFLICTS):
        found = await records.read(Get(table=table.name, keys=[[id]], fingerprints=True))
        row, [fingerprint] = found.rows[0], found.fingerprints or [None]
        ops = await change(row)
        if ops is None:
            return row
        if row is None or fingerprint is None:
            guard: Any = KeyGuard(guard="missing", table=table.name, key=[id])
        else:
            guard = UnchangedGuard(table=table.name, key=[id], fingerprint=fingerprint)
        result = await records.commit(ops, guards=[guard], returning=[get])
        if result.status == "done" and (changed := result.returned[0].rows[0]) is not None:
            return changed
    raise kept_changing(f"{table.name} {id!r}", operation)


def kept_changing(what: str, operation: str) -> ConflictError:
    """Returns the error for rows that others changed at each attempt."""
    return ConflictError(f"{what} kept changing", operation=operation, retryable=True)


def check_function(update: object, argument: str, *, operation: str) -> None:
    """Raises ValidationError unless `update` can be called."""
    if not callable(update):
        raise ValidationError(f"update must be a function of {argument}", operation=operation)


async def answer_of(update: Callable[[T], A | Awaitable[A]], record: T) -> A:
    """Returns what a function that a caller gave makes of a record; it may be async."""
    answer = update(record)
    if inspect.isawaitable(answer):
        return await answer
    return answer
