"""The engine: the one interface below the domains. See docs/protocol.md for the meaning of every operation.

The models here are the wire format. The remote engine sends them as JSON to the Convex functions, the local engine runs
them on SQLite; both give the same answers. No domain is named here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Generic, Literal, Protocol, TypeVar

from pydantic import Discriminator

from mastra_convex.rows.changes import Change
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.cursors import Limit
from mastra_convex.rows.keys import Key, Scalar, encode_key
from mastra_convex.rows.paths import Path
from mastra_convex.rows.values import Row

PROTOCOL: Final = "mastra_convex/1"
"""Name and version; every request and every answer carries it."""

# Budgets, the same in both engines. They keep a call inside Convex's limits (docs/protocol.md, "Limits of Convex").
READ_ROWS: Final = 8_000
READ_BYTES: Final = 8 << 20
MAX_RANGES: Final = 4_000
STEP_ROWS: Final = 2_000
RANGE_BYTES: Final = 6 << 20
WHOLE_BYTES: Final = 14 << 20
"""Most bytes that range operations of a `whole` commit read. A changed row counts twice: a write reads it again."""
TRANSACTION_BYTES: Final = 16 << 20
"""Most bytes that one Convex transaction may read."""
MAX_COMMIT_BYTES: Final = 12 << 20
"""Most bytes of the encoded body of a commit; Convex takes 16 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Bounds the index field after a prefix, from below or from above."""

    value: Scalar
    inclusive: bool = True


def limits(lower: Bound | None, upper: Bound | None) -> tuple[Limit, Limit]:
    """Returns two bounds in the form in which keys are compared with them."""
    low = None if lower is None else (">=" if lower.inclusive else ">", encode_key(lower.value))
    high = None if upper is None else ("<=" if upper.inclusive else "<", encode_key(upper.value))
    return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRange:
    """The rows whose index starts with `prefix`, the next field within the bounds, and all conditions true."""

    table: str
    index: str
    prefix: Key = ()
    lower: Bound | None = None
    upper: Bound | None = None
    where: Sequence[Condition] = ()


T = TypeVar("T")
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Read(Generic[ResultT_co]):
    """Base of read operations; the type argument is that of the result."""

    __slots__ = ()

    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Get(Read["GetResult"]):
    """Rows by key, in the order of the keys; None where there is none."""

    op: Literal["get"] = "get"
    table: str
    keys: Sequence[Key]
    paths: Sequence[Path] | None = None
    fingerprints: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(Read["ScanResult"]):
    """Rows of an index under one or several prefixes of equal length, merged in the order of the rest of the index."""

    op: Literal["scan"] = "scan"
    table: str
    index: str
    prefixes: Sequence[Key] = ((),)
    lower: Bound | None = None
    upper: Bound | None = None
    where: Sequence[Condition] = ()
    order: Literal["asc", "desc"] = "asc"
    offset: int = 0
    limit: int | None = None
    total: bool = False
    cursor: str | None = None
    paths: Sequence[Path] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours(Read["NeighboursResult"]):
    """A row and those around it along an index, among rows that equal it in all index fields but the last."""

    op: Literal["neighbours"] = "neighbours"
    table: str
    key: Key
    index: str
    before: int = 0
    after: int = 0
    where: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Read["DescribeResult"]):
    """Asks for the deployed columns and indexes of a table."""

    op: Literal["describe"] = "describe"
    table: str


ReadOp = Annotated[Get | Scan | Neighbours | Describe, Discriminator("op")]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResult:
    """`next` is the position of the first key that the budget left out; None when all were read."""

    rows: Sequence[Row | None]
    values: Sequence[Sequence[str | None] | None] | None = None
    fingerprints: Sequence[str | None] | None = None
    next: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """One budget's worth of a scan. Where `done` is false, the same scan with `cursor` goes on after it.

    `skipped` rows were consumed by the offset; `matched` counts all rows that matched in this step, skipped ones
    and, with `total`, those beyond the limit included.
    """

    rows: Sequence[Row]
    values: Sequence[Sequence[str | None]] | None = None
    matched: int
    skipped: int
    cursor: str | None
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighboursResult:
    """`target` is None when there is no such row or a condition fails. Both scans are in ascending order.

    A scan that is not `done` was cut by the budget; continue it with a Scan over the same prefix and its cursor
    (`before`: descending).
    """

    target: Row | None
    before: ScanResult
    after: ScanResult


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeIndex:
    """A vector index of the deployment: the column, its length, and the fields that a native search can filter by."""

    field: str
    dimensions: int
    filters: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeResult:
    """The key index, columns, indexes by name with their fields, and vector indexes of a deployed table; `deployed` is
    false, and all empty, for a table that the engine does not know."""

    deployed: bool
    key: str = ""
    fields: Sequence[str] = ()
    indexes: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    native: Sequence[NativeIndex] = ()


ReadResult = GetResult | ScanResult | NeighboursResult | DescribeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Upserts rows: declared columns are replaced, those in `keep` stay as an existing row has them.

    With `extra`, rows may have columns that the table does not declare, as rows of other programs have.
    """

    op: Literal["put"] = "put"
    table: str
    rows: Sequence[Row]
    keep: Sequence[str] = ()
    extra: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Changes existing rows; keys without a row are reported, not created."""

    op: Literal["patch"] = "patch"
    table: str
    keys: Sequence[Key]
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    op: Literal["delete"] = "delete"
    table: str
    keys: Sequence[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRange:
    op: Literal["patchRange"] = "patchRange"
    range: IndexRange
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRange:
    op: Literal["deleteRange"] = "deleteRange"
    range: IndexRange


WriteOp = Annotated[Put | Patch | Delete | PatchRange | DeleteRange, Discriminator("op")]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyGuard:
    """The row exists, or is missing."""

    guard: Literal["exists", "missing"]
    table: str
    key: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyGuard:
    """No row lies in the range."""

    guard: Literal["empty"] = "empty"
    range: IndexRange


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldsGuard:
    """The row exists and all conditions hold."""

    guard: Literal["holds"] = "holds"
    table: str
    key: Key
    where: Sequence[Condition]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchangedGuard:
    """The row still has the fingerprint that a read returned."""

    guard: Literal["unchanged"] = "unchanged"
    table: str
    key: Key
    fingerprint: str


Guard = Annotated[KeyGuard | EmptyGuard | HoldsGuard | UnchangedGuard, Discriminator("guard")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One transaction: guards first, then the operations in order, then the rows to return.

    `whole` commits apply everything or are refused (`TooLarge`); `resumable` ones may stop at their budget inside a
    range operation and say how to go on. `id` makes a repeat harmless.
    """

    id: str
    mode: Literal["whole", "resumable"] = "whole"
    guards: Sequence[Guard] = ()
    ops: Sequence[WriteOp] = ()
    returning: Sequence[Get] = ()
    resume: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Reports one operation of a step: rows written or deleted, and the positions of keys that had no row.

    For a put, `missing` are the positions of rows that were new.
    """

    changed: int = 0
    missing: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """`conflict`: guards failed, at the positions `failed`, and nothing was written; `guard` is the first of them.
    `more`: send the commit again, under a new id, with `resume`."""

    status: Literal["done", "more", "conflict"]
    guard: int | None = None
    failed: Sequence[int] = ()
    outcomes: Sequence[Outcome] = ()
    resume: str | None = None
    returned: Sequence[GetResult] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The rows of a range whose vectors in `field` are nearest to `vector`, best first.

    Only rows with a vector of the same length are found. `guards` are checked first, as in a commit.
    """

    range: IndexRange
    field: str
    vector: Sequence[float]
    metric: Literal["cosine", "euclidean", "dotproduct"] = "cosine"
    limit: int
    min_score: float | None = None
    include_vector: bool = False
    guards: Sequence[Guard] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row, without its vector unless that was asked for, and its score."""

    row: Row
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """`conflict`: the guard at position `guard` failed and nothing was searched."""

    status: Literal["done", "conflict"]
    guard: int | None = None
    hits: Sequence[Hit] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNeeds:
    """Lists the key index, the columns, and the indexes with their fields that a client uses of a table."""

    key: str
    fields: Sequence[str]
    indexes: Mapping[str, Sequence[str]]


Needs = Mapping[str, TableNeeds]
"""By table; sent along until a first call has succeeded."""


class Engine(Protocol):
    """Generic record operations on declared tables. All methods raise the errors of `mastra_convex.errors`."""

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        """Runs reads on one snapshot; they share one budget, so later ones may come back empty and not done."""
        ...

    async def commit(self, commit: Commit, /) -> CommitResult:
        """Applies one step of a commit atomically, at most once per `commit.id`."""
        ...

    async def search(self, search: Search, /) -> SearchResult:
        """The nearest rows, exact with respect to the range and its conditions; not one snapshot where it is large."""
        ...

    def watch(self, ops: Sequence[Read[T]], /, *, give_up_after: float | None = None) -> AsyncGenerator[list[T]]:
        """Yields what `read(ops)` gives, now and whenever it is something else (docs/protocol.md, "watch").

        The newest state always comes, states come in order, and all results of one are of one snapshot; those between
        may be skipped. A watch that has lost its server raises the failure after `give_up_after` seconds, or waits.
        """
        ...

    async def sweep(self) -> tuple[int, bool]:
        """One bounded step of removing old receipts, and large values that no row refers to: the number of rows
        deleted, and whether nothing is left to do."""
        ...

    async def aclose(self) -> None:
        """Releases connections. Calls in flight end: with their answer where that is local, else with ClosedError."""
        ...
