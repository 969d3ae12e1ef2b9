"""Changes a row by a function of what is stored, without losing what others write meanwhile. Internal."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import Get, Guard, KeyGuard, UnchangedGuard, WriteOp
from mastra_convex.errors import ConflictError, MastraConvexError, ValidationError
from mastra_convex.rows.keys import Key
from mastra_convex.rows.values import Row
from mastra_convex.tables import Table

A = TypeVar("A")
T = TypeVar("T")

MAX_CONFLICTS: Final = 1_000
"""A change is tried so many times while others change the same row. Each failure is another one's success."""


async def read_modify_write(
    records: Records,
    table: Table,
    key: Key,
    change: Callable[[Row | None], Awaitable[Sequence[WriteOp] | None]],
    *,
    operation: str,
    guard: Guard | None = None,
    refused: Callable[[], MastraConvexError] | None = None,
) -> Row | None:
    """Reads a row, and writes what `change` makes of it unless the row was changed meanwhile; then all begins anew.

    Args:
        records: the records of the domain.
        table: the table.
        key: the key of the row.
        change: function of the row, None for a missing one, that returns the writes, or None to write nothing.
        operation: the operation that errors name.
        guard: what must hold too when the row is written.
        refused: makes the error to raise when `guard` fails.

    Returns:
        The row after the change; None when it does not exist.

    Raises:
        ConflictError: others changed the row at each attempt.
    """
    get = Get(table=table.name, keys=[key])
    for _ in range(MAX_CONFLICTS):
        found = await records.read(Get(table=table.name, keys=[key], fingerprints=True))
        row, [fingerprint] = found.rows[0], found.fingerprints or [None]
        ops = await change(row)
        if ops is None:
            return row
        is_unchanged: Guard = KeyGuard(guard="missing", table=table.name, key=key)
        if fingerprint is not None:
            is_unchanged = UnchangedGuard(table=table.name, key=key, fingerprint=fingerprint)
        guards = [is_unchanged] if guard is None else [is_unchanged, guard]
        result = await records.commit(ops, guards=guards, returning=[get])
        if refused is not None and 1 in result.failed:
            raise refused()
        if result.status == "done" and (changed := result.returned[0].rows[0]) is not None:
            return changed
    raise kept_changing(f"{table.name} {'/'.join(map(str, key))!r}", operation)


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
