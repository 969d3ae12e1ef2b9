"""Deletes what is older than a policy allows, in bounded steps (docs/contract.md, "Retention"). Internal.

A domain declares the tables that grow with use; everything else is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic.alias_generators import to_snake

from mastra_convex.contract.arguments import integer
from mastra_convex.contract.models import Integer, Record, parse
from mastra_convex.contract.pages import Answer
from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import STEP_ROWS, Bound, Delete, DeleteRange, HoldsGuard, IndexRange, Scan, WriteOp
from mastra_convex.errors import ConfigurationError, TooLargeError, ValidationError
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.explain import did_you_mean, shown
from mastra_convex.rows.times import now, to_iso
from mastra_convex.rows.values import as_number, from_json, to_json
from mastra_convex.tables import Table, nearest_of

_OPERATION: Final = "PRUNE"
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_AGE: Final = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(_UNITS)})", re.ASCII)
_PARENTS: Final = 100
"""At most so many rows are deleted in one commit with what belongs to them, as each of its steps sends all of it."""


def _age(value: Any) -> timedelta:
    try:
        if isinstance(value, str) and (match := _AGE.fullmatch(value)):
            return float(match[1]) * _UNITS[match[2]]
        seconds = as_number(value)
        if seconds is not None:
            value = timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError("is longer than time is counted") from None
    if isinstance(value, timedelta) and value >= timedelta(0):
        return value
    wanted = 'must be a timedelta, a number of seconds, or a text such as "30d" (ms, s, m, h, d, w), and >= 0'
    raise ValueError(f"{wanted}, not {shown(value)}")


class RetentionPolicy(Record):
    """Says how long rows of a table are kept.

    Example:
        policies = {"memory": {"messages": RetentionPolicy(max_age="30d", batch_size=500)}}
        await store.prune(policies)
    """

    max_age: Annotated[timedelta, BeforeValidator(_age)]
    """Older rows are deleted: a timedelta, seconds, or a number with a unit (`"90s"`, `"12h"`, `"30d"`, `"4w"`)."""
    batch_size: Integer = Field(default=1000, ge=1)
    """Rows in one commit; at most 2,000 are taken, or 100 where others belong to them."""

    if TYPE_CHECKING:  # as pydantic has it, with all that `max_age` takes

        def __init__(self, *, max_age: timedelta | float | str, batch_size: int = 1000) -> None: ...


Policy = RetentionPolicy | Mapping[str, Any] | timedelta | float | str
"""A policy, a mapping with its members, or its `max_age` alone."""

Retention = Mapping[str, Mapping[str, Policy]]
"""Policies by domain and table, as in `{"memory": {"messages": "30d"}}`; names in Python's or Mastra's spelling."""


@dataclass(frozen=True)
class RetentionTable:
    """Declares a table that grows with use.

    Raises ConfigurationError when no index has the anchor as its only field.

    Attributes:
        table: the table.
        anchor: the column with the time, as ISO text or epoch milliseconds, that tells how old a row is.
    """

    table: Table
    anchor: str

    def __post_init__(self) -> None:
        if not isinstance(self.table, Table):
            raise ConfigurationError(f"a retention table is a Table, not {self.table!r}")
        column = self.table.field_by_name.get(self.anchor)
        if column is None:
            hint = nearest_of(self.anchor, self.table.field_by_name)
            raise ConfigurationError(f"{self.table.name}: retention by {self.anchor!r}, which is no column{hint}")
        if column.type not in ("string", "number"):
            problem = "which is neither an ISO time as text nor a number"
            raise ConfigurationError(f"{self.table.name}: retention by {self.anchor!r}, {problem}")
        if not any(index.fields == (self.anchor,) for index in self.table.indexes):
            raise ConfigurationError(f"{self.table.name}: retention needs an index on {self.anchor!r} alone")

    @property
    def index(self) -> str:
        return next(index.name for index in self.table.indexes if index.fields == (self.anchor,))


class PruneResult(Answer):
    """Tells how far the pruning of one table came.

    Example:
        [result] = await store.prune({"memory": {"messages": "30d"}}, dry_run=True)
        assert (result.table, result.deleted, result.done) == ("mastra_messages", 0, True)
    """

    domain: str
    """The name of the domain."""
    table: str
    """The name of the table."""
    deleted: int
    """Rows of this table that were deleted, or would be in a dry run; rows that belonged to them are not counted."""
    done: bool
    """False while old rows remain: prune again."""


Progress = Callable[[PruneResult], None]


@dataclass(frozen=True)
class PruneOptions:
    """Checks and holds the bounds of a prune, as `DomainStore.prune` explains them."""

    max_batches: int | None = None
    max_rows: int | None = None
    pause: float = 0.0
    dry_run: bool = False
    progress: Progress | None = None
    stop: asyncio.Event | None = None

    def __post_init__(self) -> None:
        for name, value in (("max_batches", self.max_batches), ("max_rows", self.max_rows)):
            if value is not None:
                object.__setattr__(self, name, integer(value, name, operation=_OPERATION))
        pause = as_number(self.pause)
        if pause is None or pause < 0:
            raise ValidationError(
                f"pause must be a number of seconds >= 0, not {shown(self.pause)}", operation=_OPERATION
            )
        object.__setattr__(self, "pause", pause)
        if self.progress is not None and not callable(self.progress):
            raise ValidationError("progress must be a function", operation=_OPERATION)
        if self.stop is not None and not isinstance(self.stop, asyncio.Event):
            raise ValidationError("stop must be an asyncio.Event", operation=_OPERATION)

    @property
    def stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    async def wait(self) -> bool:
        """Pauses, though not beyond `stop`; False when that is set."""
        if self.stop is None:
            await asyncio.sleep(self.pause)
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.pause):
                await self.stop.wait()
        return not self.stopped


def parse_policies(
    policies: Mapping[str, Policy], tables: Mapping[str, RetentionTable], name: str
) -> dict[str, RetentionPolicy]:
    """Checks policies and returns them by the name of their table.

    Raises ValidationError, naming the parameter, for a table that does not exist.
    """
    if not isinstance(policies, Mapping):
        raise ValidationError(f"{name} must be a mapping of tables to policies", operation=_OPERATION)
    known = {to_snake(table): table for table in tables}
    parsed: dict[str, RetentionPolicy] = {}
    for key, policy in policies.items():
        table = known.get(to_snake(str(key)))
        if table is None:
            choices = f"{', '.join(map(repr, known)) or 'none'}{did_you_mean(key, known)}"
            raise ValidationError(f"{name} has no table {key!r} to prune; it has: {choices}", operation=_OPERATION)
        if table in parsed:
            raise ValidationError(f"{name} names {key!r} in both spellings", operation=_OPERATION)
        members = policy if isinstance(policy, RetentionPolicy | Mapping) else {"max_age": policy}
        parsed[table] = parse(RetentionPolicy, members, f"{name}.{key}", operation=_OPERATION)
    return parsed


async def prune_tables(
    records: Records,
    domain: str,
    tables: Mapping[str, RetentionTable],
    policies: Mapping[str, RetentionPolicy],
    options: PruneOptions,
) -> list[PruneResult]:
    """Prunes the tables that have a policy, in the order of their declaration."""
    wanted = [(target, policies[key]) for key, target in tables.items() if key in policies]
    return [await _Pruning(records, domain, target, policy, options).run() for target, policy in wanted]


class _Pruning:
    """Prunes one table.

    Old rows are looked up a window at a time, by their places in the index, and deleted batch by batch. Rows that
    nothing can belong to go as a range of the index, which checks their age again in the same transaction and reads
    each once. Others go by key, after what belongs to them, their age guarded.
    """

    def __init__(
        self,
        records: Records,
        domain: str,
        target: RetentionTable,
        policy: RetentionPolicy,
        options: PruneOptions,
    ) -> None:
        self._records = records
        self._domain = domain
        self._table = target.table
        self._anchor = target.anchor
        self._index = target.index
        self._options = options
        cutoff = _before(now(), policy.max_age)
        is_number = target.table.field_by_name[target.anchor].type == "number"
        self._cutoff: str | float = max(0, int(cutoff.timestamp() * 1000)) if is_number else to_iso(cutoff)
        # A missing time sorts before every text and number; an empty text is none either.
        self._after_none = Bound(value=0) if is_number else Bound(value="", inclusive=False)
        self._owned = bool(records.owned_ranges(target.table, ""))
        self._batch_size = min(policy.batch_size, _PARENTS if self._owned else STEP_ROWS)
        self._deleted = 0
        self._batches = 0

    async def run(self) -> PruneResult:
        if self._options.dry_run:
            self._deleted = await self._count()
            return self._report(done=not self._deleted)
        scan = self._scan(limit=self._window(), paths=self._paths())
        done = False
        while not done:
            if self._options.stopped:
                return self._report(done=False)
            found = await self._records.step(scan)
            rows = [[from_json(value or "null") for value in row] for row in found.values or ()]
            if not await self._delete_all(rows):
                return self._report(done=False)
            scan = replace(scan, cursor=found.cursor)
            done = found.done and len(rows) != scan.limit
        return self._report(done=True)

    async def _count(self) -> int:
        """Counts the rows that would be deleted. With a bound no more than these are read."""
        most = self._most()
        if most is None:
            return (await self._records.read(self._scan(limit=0, total=True))).matched
        found = await self._records.read(self._scan(limit=most, paths=self._paths()))
        return len(found.values or ())

    def _scan(self, **options: Any) -> Scan:
        upper = Bound(value=self._cutoff, inclusive=False)
        return Scan(table=self._table.name, index=self._index, lower=self._after_none, upper=upper, **options)

    def _window(self) -> int | None:
        """Rows to look up at a time: one more than may be deleted, which tells whether any are left."""
        most = self._most()
        return None if most is None else most + 1

    def _most(self) -> int | None:
        """Rows that may be deleted; None for any number."""
        bounds = [self._options.max_rows, (self._options.max_batches or 0) * self._batch_size]
        return min((bound for bound in bounds if bound), default=None)

    def _paths(self) -> list[list[str]]:
        columns = (self._table.owner_field, *self._table.key_fields) if self._owned else (self._anchor, "_creationTime")
        return [[column] for column in columns]

    async def _delete_all(self, rows: list[list[Any]]) -> bool:
        """Deletes rows in batches; False when a bound or `stop` leaves some of them."""
        options = self._options
        while rows:
            size = self._batch_size
            if options.max_rows is not None:
                size = min(size, options.max_rows - self._deleted)
            if size < 1 or self._batches == options.max_batches or options.stopped:
                return False
            if self._batches and not await options.wait():
                return False
            batch, rows = rows[:size], rows[size:]
            self._deleted += await (self._delete_parents(batch) if self._owned else self._delete_range(batch))
            self._batches += 1
            self._report(done=False)
        return True

    async def _delete_range(self, batch: Sequence[list[Any]]) -> int:
        """Deletes the rows from the first of the batch to the last; of those with the last one's time, the older."""
        first, [last, created] = batch[0][0], batch[-1]
        older = IndexRange(
            table=self._table.name,
            index=self._index,
            lower=Bound(value=first),
            upper=Bound(value=last, inclusive=False),
        )
        until = Condition(path=["_creationTime"], operator="lte", value=to_json(created))
        equal = IndexRange(table=self._table.name, index=self._index, prefix=[last], where=[until])
        ops = [DeleteRange(range=older), DeleteRange(range=equal)] if first != last else [DeleteRange(range=equal)]
        result = await self._records.commit(ops, mode="resumable")
        return sum(outcome.changed for outcome in result.outcomes)

    async def _delete_parents(self, batch: Sequence[list[Any]]) -> int:
        """Deletes rows with what belongs to them, but for those that became younger since they were read."""
        parents = list(batch)
        old = Condition(path=[self._anchor], operator="lt", value=to_json(self._cutoff))
        while parents:
            keys = [key for _, *key in parents]
            owned = [range for id, *_ in parents for range in self._records.owned_ranges(self._table, id)]
            ops: list[WriteOp] = [DeleteRange(range=range) for range in owned]
            ops.append(Delete(table=self._table.name, keys=keys))
            guards = [HoldsGuard(table=self._table.name, key=key, where=[old]) for key in keys]
            try:
                result = await self._records.commit(ops, guards=guards, mode="resumable")
            except TooLargeError:
                if len(parents) == 1:
                    raise
                half = len(parents) // 2  # rows of many kilobytes
                return await self._delete_parents(parents[:half]) + await self._delete_parents(parents[half:])
            if result.guard is None:
                return result.outcomes[-1].changed
            del parents[result.guard]
        return 0

    def _report(self, *, done: bool) -> PruneResult:
        result = PruneResult(domain=self._domain, table=self._table.name, deleted=self._deleted, done=done)
        if self._options.progress is not None:
            self._options.progress(result)
        return result


def _before(time: datetime, age: timedelta) -> datetime:
    try:
        return time - age
    except OverflowError:  # nothing is that old
        return datetime.min.replace(tzinfo=UTC)
