"""Changes of rows with large values: the database cannot see inside these, so the change is made here.

The rows are read, changed and put back, guarded by their fingerprints; where somebody else was faster, it begins anew.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mastra_convex.engine.client import Records
from mastra_convex.engine.large_values.save import Writer
from mastra_convex.engine.protocol import (
    Commit,
    CommitResult,
    DeleteRange,
    Get,
    Guard,
    KeyGuard,
    Outcome,
    Patch,
    PatchRange,
    Put,
    UnchangedGuard,
    WriteOp,
)
from mastra_convex.errors import ConflictError
from mastra_convex.rows.changes import RowChange
from mastra_convex.rows.keys import Key
from mastra_convex.rows.large_values import may_refer
from mastra_convex.rows.open_row import OpenRow
from mastra_convex.rows.values import Row
from mastra_convex.tables import Table

_TRIES: Final = 100
_FIRST_WAIT, _LONGEST_WAIT = 0.01, 1.0
_SEND_AT_MOST: Final = 256 << 10
"""Characters of an edit that are sent to where the row is; with more, the row is likely to become too large there."""

Name = tuple[object, ...]


def is_beyond(op: Patch) -> bool:
    """Tells whether the client had better make a patch, as it gives much or something that looks like a reference."""
    texts = [value for value in op.change.set.values() if isinstance(value, str)]
    texts += [edit.value for edit in op.change.edits]
    return any(len(text) > _SEND_AT_MOST or may_refer(text) for text in texts)


def can_be_edited(commit: Commit, tables: Mapping[str, Table]) -> bool:
    """Tells whether `Editor` can make a commit: it only patches rows that may be large, or puts some of the same."""
    patched = {(op.table, *key) for op in commit.ops if op.op == "patch" and op.table in tables for key in op.keys}
    touched = {name[0] for name in patched}
    fits = [
        {_name(tables[op.table], row) for row in op.rows} <= patched if isinstance(op, Put) else isinstance(op, Patch)
        for op in commit.ops
        if (op.range.table if isinstance(op, PatchRange | DeleteRange) else op.table) in touched
    ]
    return bool(patched) and all(fits) and commit.mode == "whole"


class Editor:
    """Makes the patches of a commit on rows with large values, which `records` gives whole."""

    def __init__(self, records: Records, tables: Mapping[str, Table], writer: Writer) -> None:
        self._records = records
        self._tables = tables
        self._writer = writer

    async def commit(self, commit: Commit) -> CommitResult:
        """The result of a commit. Raises ConflictError, to be tried again, when others kept changing the rows."""
        wait = _FIRST_WAIT
        for _ in range(_TRIES):
            edited = _Edited(commit, self._tables)
            await self._load(edited)
            result = await self._writer.commit(edited.run())
            if result.guard is None or result.guard < len(commit.guards):
                return edited.answer(result)
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311  # only so as not to meet again at once
            wait = min(2 * wait, _LONGEST_WAIT)
        raise ConflictError("rows with large values kept changing", retryable=True)

    async def _load(self, edited: _Edited) -> None:
        for table, keys in edited.keys().items():
            op = Get(table=table, keys=keys, fingerprints=True)
            found = await self._records.read(op)
            for key, row, fingerprint in zip(keys, found.rows, found.fingerprints or (), strict=True):
                edited.load(table, key, row, fingerprint)


@dataclass
class _Edited:
    """A commit whose patches are made on rows that were read before."""

    commit: Commit
    tables: Mapping[str, Table]
    rows: dict[Name, OpenRow | None] = field(default_factory=dict[Name, "OpenRow | None"])
    guards: list[Guard] = field(default_factory=list[Guard])
    kept: list[tuple[int, WriteOp]] = field(default_factory=list[tuple[int, WriteOp]])
    outcomes: dict[int, Outcome] = field(default_factory=dict[int, Outcome])

    def keys(self) -> dict[str, list[Key]]:
        """The keys that are patched, by table."""
        found: dict[str, dict[Name, Key]] = {}
        for op in self.commit.ops:
            if op.op == "patch" and op.table in self.tables:
                found.setdefault(op.table, {}).update({tuple(key): key for key in op.keys})
        return {table: list(keys.values()) for table, keys in found.items()}

    def load(self, table: str, key: Key, row: Row | None, fingerprint: str | None) -> None:
        self.rows[(table, *key)] = None if row is None else self._open(table, row)
        if row is None or fingerprint is None:
            self.guards.append(KeyGuard(guard="missing", table=table, key=key))
        else:
            self.guards.append(UnchangedGuard(table=table, key=key, fingerprint=fingerprint))

    def run(self) -> Commit:
        """The commit that puts the changed rows."""
        before = dict(self.rows)
        for position, op in enumerate(self.commit.ops):
            if op.op == "patch" and op.table in self.tables:
                self.outcomes[position] = self._patch(op)
            elif op.op == "put" and op.table in self.tables and self._is_loaded(op):
                self.outcomes[position] = self._put(op)
            else:
                self.kept.append((position, op))
        puts: dict[str, list[Row]] = {}
        for name, row in self.rows.items():
            if row is not None and row is not before[name]:
                puts.setdefault(str(name[0]), []).append(row.close())
        ops = [*(op for _, op in self.kept), *(Put(table=table, rows=rows) for table, rows in puts.items())]
        guards = [*self.commit.guards, *self.guards]
        return replace(self.commit, id=uuid.uuid4().hex, ops=ops, guards=guards)

    def answer(self, result: CommitResult) -> CommitResult:
        """The result of that commit as one of the commit that was asked for."""
        if result.status == "conflict":
            return result
        of_kept = {position: result.outcomes[n] for n, (position, _) in enumerate(self.kept)}
        outcomes = self.outcomes | of_kept
        return replace(result, outcomes=[outcomes[n] for n in range(len(self.commit.ops))])

    def _open(self, name: str, row: Row) -> OpenRow:
        """Returns the row with its declared columns alone: whatever is put, others stay as they are."""
        table = self.tables[name]
        return OpenRow(table.whole, {column: row[column] for column in row if column in table.field_by_name})

    def _patch(self, op: Patch) -> Outcome:
        names = [(op.table, *key) for key in op.keys]
        change = RowChange(self.tables[op.table].whole, op.change)
        changed = 0
        for name in dict.fromkeys(names):
            row = self.rows[name]
            if row is not None:
                self.rows[name] = change.of(row)
                changed += 1
        return Outcome(changed=changed, missing=[n for n, name in enumerate(names) if self.rows[name] is None])

    def _is_loaded(self, op: Put) -> bool:
        return any(_name(self.tables[op.table], row) in self.rows for row in op.rows)

    def _put(self, op: Put) -> Outcome:
        table = self.tables[op.table]
        names = [_name(table, row) for row in op.rows]
        missing = [n for n, name in enumerate(names) if self.rows[name] is None]
        for name, row in zip(names, op.rows, strict=True):
            old = self.rows[name]
            columns = {} if old is None else old.close()
            self.rows[name] = self._open(op.table, {**row, **{n: columns[n] for n in op.keep if n in columns}})
        return Outcome(changed=len(set(names)), missing=missing)


def _name(table: Table, row: Row) -> Name:
    return (table.name, *table.key_of(row))
