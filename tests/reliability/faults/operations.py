"""Every operation of the engine protocol, in a space of rows of its own, so that many can run at once on one database.

Whatever writes does so in a way that shows when it happens twice: in the rows or in the answer.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Final, cast

import orjson

from mastra_convex.engine.protocol import (
    Commit,
    Delete,
    DeleteRange,
    Describe,
    EmptyGuard,
    Engine,
    Get,
    Guard,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Neighbours,
    Patch,
    PatchRange,
    Put,
    Scan,
    ScanResult,
    Search,
    UnchangedGuard,
    WriteOp,
)
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.values import Row, plain_numbers
from tests.backends import all_tables
from tests.engine.rows import THREADS, commit, everything, thread

RECEIPTS, VECTORS = "mastra_receipts", "mastra_vectors"
_CONTINUATIONS = {"cursor", "resume"}


@dataclass(frozen=True)
class Sweep:
    """Which engines do by themselves, after a commit now and then."""


Read = Sequence[Get | Scan | Neighbours | Describe]
Request = Read | Commit | Search | Sweep


def space() -> str:
    """A name for rows that nobody else uses."""
    return uuid.uuid4().hex


def key(space: str, name: str) -> str:
    return f"{space}-{name}"


def row(space: str, name: str, **columns: Any) -> Row:
    """A thread of a space with a counter and a log."""
    return thread(key(space, name), resourceId=space, metadata={"n": 0, "log": []}, **columns)


async def seed(engine: Engine, space: str) -> None:
    threads = [row(space, name, createdAt=f"2024-0{n}") for n, name in enumerate("abcd", 1)]
    vectors = [{"id": f"v{n}", "indexName": space, "embedding": [n, 1], "metadata": {"n": n}} for n in range(4)]
    await commit(engine, Put(table=THREADS, rows=threads), Put(table=VECTORS, rows=vectors))


async def state(engine: Engine, space: str) -> list[Row]:
    """All rows of a space."""
    threads = Scan(table=THREADS, index="by_resource", prefixes=[[space]])
    vectors = Scan(table=VECTORS, index="by_index_id", prefixes=[[space]])
    results = cast(list[ScanResult], await engine.read([threads, vectors]))
    assert all(result.done for result in results)
    return sorted((plain(row) for result in results for row in result.rows), key=lambda row: str(row["id"]))


async def receipts(engine: Engine, request: Request) -> int:
    """How many receipts there are of it."""
    id = request.id if isinstance(request, Commit) else ""
    return len(await everything(engine, Scan(table=RECEIPTS, index="by_record_id", prefixes=[[id]])))


async def perform(engine: Engine, request: Request) -> Any:
    """Its answer, without what differs from one database to another: times of creation, and the texts of cursors."""
    if isinstance(request, Commit):
        return plain(await engine.commit(request))
    if isinstance(request, Search):
        return plain(await engine.search(request))
    if isinstance(request, Sweep):
        return plain(await engine.sweep())
    return plain(await engine.read(request))


def plain(answer: Any) -> Any:
    if is_dataclass(answer) and not isinstance(answer, type):
        return plain(asdict(answer))
    if isinstance(answer, list | tuple):
        return [plain(item) for item in answer]
    if isinstance(answer, dict):
        members = {name: plain(member) for name, member in answer.items() if name != "_creationTime"}
        return {name: member is not None if name in _CONTINUATIONS else member for name, member in members.items()}
    return plain_numbers(answer)


@dataclass(frozen=True)
class Operation:
    """`make` prepares the request in a space that was seeded; it may read, but writes nothing."""

    name: str
    make: Callable[[Engine, str], Awaitable[Request]]

    def __str__(self) -> str:
        return self.name


def read(name: str, make: Callable[[str], Get | Scan | Neighbours | Describe]) -> Operation:
    async def prepare(engine: Engine, space: str) -> Request:
        return [make(space)]

    return Operation(name, prepare)


def search(name: str, **options: Any) -> Operation:
    async def prepare(engine: Engine, space: str) -> Request:
        within = IndexRange(table=VECTORS, index="by_index_id", prefix=[space])
        return Search(range=within, field="embedding", vector=[2, 1], metric="dotproduct", limit=3, **options)

    return Operation(name, prepare)


def write(
    name: str,
    op: Callable[[str], WriteOp],
    guard: Callable[[Engine, str], Awaitable[Guard]] | None = None,
    **members: Any,
) -> Operation:
    async def prepare(engine: Engine, space: str) -> Request:
        guards = [] if guard is None else [await guard(engine, space)]
        returning = [Get(table=THREADS, keys=[[key(space, "a")]])]
        return Commit(id=uuid.uuid4().hex, guards=guards, ops=[op(space)], returning=returning, **members)

    return Operation(name, prepare)


ADD_ONE: Final = Edit(path=["metadata", "n"], reducer="add", value="1")
COUNT: Final = Change(edits=[ADD_ONE, Edit(path=["metadata", "log"], reducer="append", value='["once"]')])


async def sweeping(engine: Engine, space: str) -> Request:
    return Sweep()


def of_space(space: str, *where: Condition) -> IndexRange:
    return IndexRange(table=THREADS, index="by_resource", prefix=[space], where=where)


def put_new(space: str) -> WriteOp:
    return Put(table=THREADS, rows=[row(space, "a", title="other"), row(space, "x")], keep=["createdAt"])


def count(space: str) -> WriteOp:
    return Patch(table=THREADS, keys=[[key(space, "a")], [key(space, "nobody")]], change=COUNT)


def delete(space: str) -> WriteOp:
    return Delete(table=THREADS, keys=[[key(space, "b")]])


def count_all(space: str) -> WriteOp:
    return PatchRange(range=of_space(space), change=COUNT)


def delete_some(space: str) -> WriteOp:
    later = Condition(path=["createdAt"], operator="gt", value=json.dumps("2024-02"))
    return DeleteRange(range=of_space(space, later))


def key_guard(kind: Any, name: str) -> Callable[[Engine, str], Awaitable[Guard]]:
    async def make(engine: Engine, space: str) -> Guard:
        return KeyGuard(guard=kind, table=THREADS, key=[key(space, name)])

    return make


async def none_of_title(engine: Engine, space: str) -> Guard:
    title = Condition(path=["title"], operator="eq", value=json.dumps("other"))
    return EmptyGuard(range=of_space(space, title))


async def not_counted(engine: Engine, space: str) -> Guard:
    zero = Condition(path=["metadata", "n"], operator="eq", value="0")
    return HoldsGuard(table=THREADS, key=[key(space, "a")], where=[zero])


async def as_it_was(engine: Engine, space: str) -> Guard:
    (result,) = await engine.read([Get(table=THREADS, keys=[[key(space, "a")]], fingerprints=True)])
    (fingerprint,) = result.fingerprints or ()
    assert fingerprint is not None
    return UnchangedGuard(table=THREADS, key=[key(space, "a")], fingerprint=fingerprint)


def in_resource(space: str) -> Scan:
    return Scan(table=THREADS, index="by_resource", prefixes=[[space]], limit=2, total=True, order="desc")


READS: Final = (
    read("get", lambda space: Get(table=THREADS, keys=[[key(space, name)] for name in "bxa"])),
    read("scan", in_resource),
    read(
        "neighbours",
        lambda space: Neighbours(table=THREADS, key=[key(space, "b")], index="by_resource_created", before=1, after=1),
    ),
    read("describe", lambda space: Describe(table=THREADS)),
    search("search"),
)
WRITES: Final = (
    write("put", put_new),
    write("patch", count),
    write("delete", delete),
    write("patchRange", count_all),
    write("deleteRange", delete_some),
    write("guard exists", delete, key_guard("exists", "b")),
    write("guard missing", put_new, key_guard("missing", "x")),
    write("guard empty", put_new, none_of_title),
    write("guard holds", count, not_counted),
    write("guard unchanged", count, as_it_was),
    write("guard that fails", count, key_guard("missing", "a")),
    write("resumable", delete_some, mode="resumable"),
)
OPERATIONS: Final = (*READS, *WRITES, Operation("sweep", sweeping))

_SOME_SPACE = "0" * 32
_expected: dict[str, bytes] = {}


async def expected(operation: Operation, name: str) -> tuple[Any, list[Row], list[Row]]:
    """The answer of an operation in a space, and the rows before and after, where nothing ever fails."""
    if operation.name not in _expected:
        engine = LocalEngine(":memory:", all_tables())
        await seed(engine, _SOME_SPACE)
        before = await state(engine, _SOME_SPACE)
        answer = await perform(engine, await operation.make(engine, _SOME_SPACE))
        after = await state(engine, _SOME_SPACE)
        await engine.aclose()
        _expected[operation.name] = orjson.dumps((answer, before, after))
    answer, before, after = orjson.loads(_expected[operation.name].replace(_SOME_SPACE.encode(), name.encode()))
    return answer, before, after
