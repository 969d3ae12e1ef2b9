"""The engine that runs on Convex: its operations as calls of the deployed functions. Internal."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from mastra_convex.engine.protocol import (
    PROTOCOL,
    Commit,
    CommitResult,
    Describe,
    DescribeResult,
    Get,
    GetResult,
    IndexRange,
    Neighbours,
    NeighboursResult,
    Read,
    Scan,
    ScanResult,
    Search,
    SearchResult,
)
from mastra_convex.engine.sweeper import FIRST_SWEEP_AFTER, FIRST_SWEEP_COMMITS, SWEEP_EVERY, Sweeper
from mastra_convex.engine.wire import decode_answer, encode, to_bytes
from mastra_convex.errors import MastraConvexError, SchemaMismatchError, ServerError
from mastra_convex.remote.answers import NOT_FOUND, REDACTED, REJECTED
from mastra_convex.remote.live import LiveQueries
from mastra_convex.remote.schema_check import needs_of, remedy
from mastra_convex.remote.sync_protocol import Query
from mastra_convex.remote.transport import FunctionKind, Transport
from mastra_convex.tables import CORE_TABLES, Table, deployed
from mastra_convex.telemetry import database
from mastra_convex.telemetry.signals import Attributes

T = TypeVar("T")

_STOCK_HANDLER: Final = "StockHandler"
"""The code of the error for a deployment where @mastra/convex owns the module."""

_RESULTS: Final[Mapping[type[Read[Any]], type[Any]]] = {
    Get: GetResult,
    Scan: ScanResult,
    Neighbours: NeighboursResult,
    Describe: DescribeResult,
}
"""The type of the result by that of the operation."""

_NO_SEARCH: Final = Search(
    range=IndexRange(table="mastra_receipts", index="by_record_id"), field="id", vector=[], limit=0
)
"""A search that every deployed search function refuses for its limit."""


class RemoteEngine:
    """The engine protocol over HTTP, and watches over the sync protocol; owns its transport.

    Each call says what `tables` need to be deployed until one has succeeded, and the one after a call that the database
    rejected; SchemaMismatchError lists what of that is not there, and nothing has happened. `version` is then that of
    the deployed functions.

    After a successful commit, at most once in `sweep_every` seconds, a background task sweeps: first when the engine is
    `first_sweep_after` seconds old or has done `first_sweep_commits` commits. It neither delays nor fails a caller.
    """

    def __init__(
        self,
        transport: Transport,
        tables: Iterable[Table],
        *,
        sweep_every: float = SWEEP_EVERY,
        first_sweep_after: float = FIRST_SWEEP_AFTER,
        first_sweep_commits: int = FIRST_SWEEP_COMMITS,
    ) -> None:
        self.database: Attributes = database("convex", transport.config.deployment_url)
        self.version: str | None = None
        self._transport = transport
        self._live = LiveQueries(transport)
        self._needs = needs_of(deployed([*tables, *CORE_TABLES]).values())
        self._is_met = False
        self._sweeper = Sweeper(
            self.sweep, every=sweep_every, first_after=first_sweep_after, first_commits=first_sweep_commits
        )

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]:
        path = self._transport.config.read_function
        return _results(path, ops, await self._call("query", path, ops=ops))

    async def watch(self, ops: Sequence[Read[T]], /, *, give_up_after: float | None = None) -> AsyncGenerator[list[T]]:
        """Yields what a read gives, over the sync protocol; a call over HTTP comes first if none has succeeded yet."""
        path = self._transport.config.read_function
        if not self._is_met:
            await self.read([])  # so that equal watches have equal arguments, which Convex caches
        query = Query(path, to_bytes({"protocol": PROTOCOL, "ops": list(ops)}))
        try:
            async with aclosing(self._live.watch(query, give_up_after=give_up_after)) as answers:
                async for answer in answers:
                    yield _results(path, ops, answer)
        except ServerError as error:
            better = await self._diagnosed("query", path, error)
            if better is error:
                raise
            raise better from error

    async def commit(self, commit: Commit, /) -> CommitResult:
        path = self._transport.config.storage_function
        answer = await self._call("mutation", path, commit=commit)
        result = _checked(path, CommitResult, answer.get("result"))
        self._sweeper.after_commit()
        if result.guard is not None and not result.failed:  # functions of an earlier version tell only the first
            result = replace(result, failed=[result.guard])
        return result

    async def search(self, search: Search, /) -> SearchResult:
        path = self._transport.config.search_function
        answer = await self._call("action", path, search=search)
        return _checked(path, SearchResult, answer.get("result"))

    async def sweep(self) -> tuple[int, bool]:
        path = self._transport.config.sweep_function
        answer = await self._call("mutation", path, limited=False)  # takes no slot, so that no caller waits for it
        return _checked(path, int, answer.get("deleted")), _checked(path, bool, answer.get("done"))

    async def aclose(self) -> None:
        """Ends the background task and calls in flight, which raise ClosedError, and closes the transport."""
        try:
            await self._sweeper.aclose()
        finally:  # also where this is cancelled
            try:
                await self._live.aclose()
            finally:
                await self._transport.aclose()

    async def _call(self, kind: FunctionKind, path: str, *, limited: bool = True, **args: Any) -> Mapping[str, Any]:
        """Calls one of our functions; where the deployment lacks what it needs, the error says what that is."""
        try:
            return await self._send(kind, path, limited=limited, **args)
        except ServerError as error:
            better = await self._diagnosed(kind, path, error)
            if better is error:
                raise
            raise better from error

    async def _send(self, kind: FunctionKind, path: str, *, limited: bool = True, **args: Any) -> Mapping[str, Any]:
        """Calls a function once. Raises SchemaMismatchError when another function than ours answers."""
        needs = {} if self._is_met or not args else {"needs": self._needs}  # a sweep has no arguments
        answer = await self._transport.call(
            kind, path, {"protocol": PROTOCOL, **needs, **args}, default=encode, limited=limited
        )
        if isinstance(answer, dict):
            members: dict[str, Any] = answer
            if members.get("protocol") == PROTOCOL:
                self._is_met = self._is_met or bool(needs)
                self.version = members.get("version") or self.version
                return members
            if "protocol" not in members and isinstance(members.get("ok"), bool):
                raise _stock_handler(path)
            if "protocol" in members:
                raise SchemaMismatchError(
                    f"{path} speaks another protocol than {PROTOCOL!r}; {remedy(path)}",
                    code="ProtocolMismatch",
                    details={"function": path},
                )
        raise _unexpected(path)

    async def _diagnosed(self, kind: FunctionKind, path: str, error: ServerError) -> ServerError:
        """Returns the error that says why a call failed, found out by at most one call more."""
        is_hidden = error.code == REDACTED and not self._is_met
        if is_hidden or (error.code == NOT_FOUND and kind != "mutation"):
            return await self._missing_function(kind, path, error)
        if error.code == REJECTED:
            self._is_met = False  # an index may have gone: the next call says again what is needed
        return error

    async def _missing_function(self, kind: FunctionKind, path: str, error: ServerError) -> ServerError:
        """Returns a better error if a call that does nothing fails too: then our functions are not deployed."""
        try:
            if kind == "action" and error.code == REDACTED:
                await self._send(kind, path, search=_NO_SEARCH)
            else:  # which also tells our handler from that of @mastra/convex
                storage_function = self._transport.config.storage_function
                await self._send("mutation", storage_function, commit=Commit(id=str(uuid.uuid4())))
        except MastraConvexError as second:
            if isinstance(second, SchemaMismatchError) and second.code == _STOCK_HANDLER:
                return second
            if error.code == REDACTED and isinstance(second, ServerError) and second.code in (REDACTED, NOT_FOUND):
                return SchemaMismatchError(
                    f"the function {path!r} does not run and is probably not deployed, or of an earlier version;"
                    f" {remedy(path)}, or set storage_function to where it is",
                    code=NOT_FOUND,
                    details=error.details,
                )
        return error


def _results(path: str, ops: Sequence[Read[T]], answer: Mapping[str, Any]) -> list[T]:
    """Returns the results of reads from the answer of the function."""
    results = _checked(path, list[Any], answer.get("results"))
    if len(results) != len(ops):
        raise _unexpected(path)
    pairs = zip(ops, results, strict=True)
    answers: list[Any] = [_checked(path, _RESULTS[type(op)], result) for op, result in pairs]
    return answers


def _checked(path: str, kind: type[T], value: Any) -> T:
    """Makes a part of an answer what it must be. Raises SchemaMismatchError for one of another form."""
    try:
        return decode_answer(kind, value)
    except ValidationError as error:
        raise _unexpected(path) from error


def _unexpected(path: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"{path} does not answer as this version expects; {remedy(path)}",
        code="UnexpectedAnswer",
        details={"function": path},
    )


def _stock_handler(path: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"{path} is the handler of @mastra/convex, which lacks what this package needs; deploy ours beside it, on the"
        " same tables: run `mastra-convex init --path mastra_py`, deploy with `npx convex deploy`, and pass"
        ' storage_function="mastra_py/storage:handle", or set CONVEX_STORAGE_FUNCTION to that',
        code=_STOCK_HANDLER,
        details={"function": path},
    )
