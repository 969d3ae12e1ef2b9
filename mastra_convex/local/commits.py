"""One step of a commit: receipt, guards, operations in order, rows to return. It runs inside one transaction."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from mastra_convex.engine.protocol import (
    MAX_COMMIT_BYTES,
    MAX_RANGES,
    STEP_ROWS,
    TRANSACTION_BYTES,
    WHOLE_BYTES,
    Commit,
    CommitResult,
    Delete,
    DeleteRange,
    EmptyGuard,
    Guard,
    HoldsGuard,
    Outcome,
    Patch,
    PatchRange,
    Put,
    WriteOp,
)
from mastra_convex.engine.wire import decode_answer, encode, to_bytes
from mastra_convex.errors import TooLargeError, ValidationError
from mastra_convex.local.budgets import RANGES_TO_DROP, Budget, StepBudget
from mastra_convex.local.documents import Stored, UnreadableError, check_commit_size
from mastra_convex.local.guards import failing_guards
from mastra_convex.local.reads import encoded_key, find, get
from mastra_convex.local.schema import Session
from mastra_convex.local.writes import Patcher, change_range, delete_rows, put_rows
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.keys import encode_key
from mastra_convex.rows.sizes import is_within
from mastra_convex.tables import RECEIPTS

_DONE = Outcome()
_MAX_DIGITS = 9
_FEW = 32
"""Keys, guards, conditions and edits of a commit that is attempted at once: each takes some 30 microseconds."""
_LITTLE = 32 << 10
"""Bytes of what a commit that is attempted at once writes: to check and print them takes a millisecond."""


def apply_commit(commit: Commit, session: Session, *, receipts: bool = False) -> CommitResult:
    """The answer to a commit. What raises leaves a transaction that the caller rolls back."""
    result = find_receipt(session, commit.id) if receipts else None
    if result is None:
        result = _Step(session, commit).run()
        if receipts:
            leave_receipt(session, commit.id, result)
    if not commit.returning or result.status == "conflict":
        return result
    budget = Budget()
    returned = [get(session, each, budget) for each in commit.returning]
    return replace(result, returned=returned)


def is_small(commit: Commit) -> bool:
    """Tells whether a commit has so few keys and so little to write that it can be attempted at once."""
    conditions = [condition for guard in commit.guards for condition in _conditions(guard)]
    steps = len(commit.guards) + len(conditions) + sum(len(each.keys) for each in commit.returning)
    values: list[Any] = [condition.value for condition in conditions]
    for op in commit.ops:
        match op.op:
            case "put":
                steps += len(op.rows)
                values += op.rows
            case "patch":
                steps += len(op.keys) + len(op.change.edits)
                values += [op.change.set, *(edit.value for edit in op.change.edits)]
            case "delete":
                steps += len(op.keys)
            case "patchRange" | "deleteRange":
                return False
    return steps <= _FEW and is_within(values, _LITTLE)


def _conditions(guard: Guard) -> Sequence[Condition]:
    if isinstance(guard, HoldsGuard):
        return guard.where
    return guard.range.where if isinstance(guard, EmptyGuard) else ()


class _Step:
    def __init__(self, session: Session, commit: Commit) -> None:
        self._session = session
        self._commit = commit
        self._first, self._cursor = _resumed(commit)
        left = MAX_RANGES - _ranges(commit, self._first)
        if left < 0:
            raise TooLargeError("a commit has too many keys", details={"limit": MAX_RANGES, "size": MAX_RANGES - left})
        if commit.mode == "whole":
            self._budget = StepBudget(rows=math.inf, changes=left, size=WHOLE_BYTES, whole=True)
        else:
            self._budget = StepBudget(rows=STEP_ROWS, changes=left)
        self._size = 0
        self._read = 0

    def run(self) -> CommitResult:
        commit = self._commit
        if commit.resume is None:
            failed = failing_guards(self._session, commit.guards)
            if failed:
                return CommitResult(status="conflict", guard=failed[0], failed=failed, outcomes=[])
        outcomes: list[Outcome] = [_DONE] * len(commit.ops)
        for n in range(self._first, len(commit.ops)):
            op = commit.ops[n]
            match op.op:
                case "put" | "patch" | "delete":
                    outcomes[n] = self._by_keys(op)
                case "patchRange" | "deleteRange":
                    changed, done, cursor = self._range(op, self._cursor if n == self._first else None)
                    outcomes[n] = Outcome(changed=changed)
                    if not done:
                        resume = f"{n}:{cursor or ''}"
                        return CommitResult(status="more", outcomes=outcomes, resume=resume)
        return CommitResult(status="done", outcomes=outcomes)

    def _by_keys(self, op: Put | Patch | Delete) -> Outcome:
        before = self._session.dropped
        outcome = self._written(op)
        self._budget.changes -= RANGES_TO_DROP * (self._session.dropped - before)
        if self._budget.changes < 0:
            raise self._budget.too_large()
        return outcome

    def _written(self, op: Put | Patch | Delete) -> Outcome:
        layout = self._session.layout(op.table)
        if op.op == "put":
            written = put_rows(self._session, layout, op)
            self._size += written.size
            check_commit_size(self._size, MAX_COMMIT_BYTES)
            self._charge(written.replaced)
            return Outcome(changed=written.rows, missing=written.new)
        patcher = Patcher(layout, op.change) if op.op == "patch" else None
        keys = [encoded_key(layout, key) for key in op.keys]
        distinct = dict.fromkeys(keys)
        found = find(self._session, layout, list(distinct))
        self._charge(sum(stored.size for stored in found.values()))
        if patcher is None:
            delete_rows(self._session, layout, found.values())
        else:
            for key in distinct:
                if key in found:
                    patcher.apply(self._session, found[key])
        missing = [n for n, key in enumerate(keys) if key not in found]
        return Outcome(changed=len(found), missing=missing)

    def _charge(self, size: int) -> None:
        """Charges existing rows that are written by their keys: Convex reads each to find it, and to change it."""
        self._read += 2 * size
        if self._read > TRANSACTION_BYTES:
            raise TooLargeError(
                f"a commit reads {self._read} bytes of rows that it changes; Convex reads at most {TRANSACTION_BYTES}",
                details={"limit": TRANSACTION_BYTES, "size": self._read},
            )

    def _range(self, op: PatchRange | DeleteRange, after: str | None) -> tuple[int, bool, str | None]:
        layout = self._session.layout(op.range.table)
        patcher = Patcher(layout, op.change) if op.op == "patchRange" else None

        def change(rows: list[Stored]) -> None:
            if patcher is None:
                delete_rows(self._session, layout, rows)
            else:
                for stored in rows:
                    patcher.apply(self._session, stored)

        drops = layout.table.large_columns and (patcher is None or patcher.may_drop)
        changed, done, cursor = change_range(self._session, op.range, self._budget, after, change, drops=bool(drops))
        if not done and (self._commit.mode == "whole" or self._budget.fresh):
            raise self._budget.too_large()
        return changed, done, cursor


def _resumed(commit: Commit) -> tuple[int, str | None]:
    """The operation to begin with, and the cursor in its range."""
    if commit.resume is None:
        return 0, None
    position, _, cursor = commit.resume.partition(":")
    first = int(position) if position.isdecimal() and len(position) <= _MAX_DIGITS else len(commit.ops)
    if first >= len(commit.ops) or commit.ops[first].op not in ("patchRange", "deleteRange"):
        raise ValidationError("malformed resume")
    return first, cursor or None


def _ranges(commit: Commit, first: int) -> int:
    """The index ranges that a step needs besides those of the rows that its range operations change."""
    guards = len(commit.guards) if commit.resume is None else 0
    return 1 + guards + sum(map(_cost, commit.ops[first:])) + sum(len(each.keys) for each in commit.returning)


def _cost(op: WriteOp) -> int:
    match op.op:
        case "put":
            return 2 * len(op.rows)
        case "patch" | "delete":
            return 2 * len(op.keys)
        case "patchRange" | "deleteRange":
            return 1


def find_receipt(session: Session, id: str) -> CommitResult | None:
    """The answer that a commit with this id gave, without the rows it returned."""
    layout = session.layouts[RECEIPTS.name]
    found = session.connection.execute(layout.by_keys(1), (encode_key(id),)).fetchone()
    if found is None:
        return None
    receipt = layout.stored(*found[1:])
    outcome = receipt.row(RECEIPTS).get("outcome")
    try:
        return decode_answer(CommitResult, orjson.loads(outcome or ""))
    except (ValueError, TypeError) as error:
        raise UnreadableError(RECEIPTS, receipt.seq, "its outcome is none") from error


def leave_receipt(session: Session, id: str, result: CommitResult) -> None:
    """Stores the answer. The `_seq` of a receipt is the clock's milliseconds, or the next number."""
    layout = session.layouts[RECEIPTS.name]
    members = {name: member for name, member in encode(result).items() if name != "returned"}
    outcome = to_bytes(members).decode()
    (last,) = session.connection.execute(f"SELECT max(_seq) FROM {layout.name}").fetchone()  # noqa: S608
    seq = max(int(time.time() * 1000), (last or 0) + 1)
    row = {"id": id, "outcome": outcome}
    values = (orjson.dumps(row).decode(), *layout.keys(row))
    session.connection.execute(layout.insert, values)
    session.connection.execute(f"UPDATE {layout.name} SET _seq = ? WHERE _seq = last_insert_rowid()", (seq,))  # noqa: S608
