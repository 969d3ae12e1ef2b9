"""The engine that runs on Convex: reads, commits and searches as calls of the deployed functions."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from mastra_convex.engine.protocol import (
    PROTOCOL,
    Commit,
    CommitResult,
    Describe,
    DescribeResult,
    Get,
    GetResult,
    Hit,
    IndexRange,
    Neighbours,
    NeighboursResult,
    Outcome,
    ReadResult,
    Scan,
    ScanResult,
    Search,
    SearchResult,
)
from mastra_convex.engine.sweeper import FIRST_SWEEP_AFTER, FIRST_SWEEP_COMMITS, SWEEP_EVERY, Sweeper
from mastra_convex.errors import MastraConvexError, SchemaMismatchError, ServerError
from mastra_convex.remote.schema_check import DEPLOY, SCHEMA_MISMATCH, Lacking, explained, lacking, needs_of
from mastra_convex.remote.transport import NOT_FOUND, REDACTED, REJECTED, FunctionKind, Transport
from mastra_convex.tables import CORE_TABLES, Table, deployed
from mastra_convex.telemetry import Attributes, database

_STOCK_HANDLER = "StockHandler"
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError)


class RemoteEngine:
    """The engine protocol over HTTP; owns its transport.

    Each call says what `tables` need to be deployed until one has succeeded; SchemaMismatchError lists what of that is
    not there, and nothing has happened. `version` is then that of the deployed functions.

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
        self._needs = needs_of(deployed([*tables, *CORE_TABLES]).values())
        self._is_met = False
        self._has_indexes = False
        self._sweeper = Sweeper(
            self.sweep, every=sweep_every, first_after=first_sweep_after, first_commits=first_sweep_commits
        )

    async def read(self, ops: Sequence[Get | Scan | Neighbours | Describe], /) -> list[ReadResult]:
        path = self._transport.config.read_function
        answer = await self._answer("query", path, {"ops": ops}, nothing={"ops": []})
        return _read_results(path, ops, answer)

    async def commit(self, commit: Commit, /) -> CommitResult:
        path = self._transport.config.storage_function
        answer = await self._answer("mutation", path, {"commit": commit}, nothing={"commit": _empty_commit()})
        try:
            result = _commit_result(answer["result"])
        except _MALFORMED as error:
            raise _unexpected(path) from error
        self._sweeper.after_commit()
        return result

    async def search(self, search: Search, /) -> SearchResult:
        path = self._transport.config.search_function
        answer = await self._answer("action", path, {"search": search}, nothing={"search": _NO_SEARCH})
        try:
            return _search_result(answer["result"])
        except _MALFORMED as error:
            raise _unexpected(path) from error

    async def sweep(self) -> tuple[int, bool]:
        path = self._transport.config.sweep_function
        answer = await self._call("mutation", path, limited=False)  # takes no slot, so that no caller waits for it
        try:
            return int(answer["deleted"]), bool(answer["done"])
        except _MALFORMED as error:
            raise _unexpected(path) from error

    async def probe(self) -> Lacking:
        """What the functions do not know of the tables, and which indexes the database lacks though they do."""
        path = self._transport.config.read_function
        ops = [Describe(table=name, probe=True) for name in self._needs]
        results = _read_results(path, ops, await self._call("query", path, ops=ops))
        found = [result for result in results if isinstance(result, DescribeResult)]
        return lacking(self._needs, dict(zip(self._needs, found, strict=True)))

    async def aclose(self) -> None:
        """Ends the background task and calls in flight, which raise ClosedError, and closes the transport."""
        try:
            await self._sweeper.aclose()
        finally:  # also where this is cancelled
            await self._transport.aclose()

    async def _call(self, kind: FunctionKind, path: str, *, limited: bool = True, **args: Any) -> Mapping[str, Any]:
        """The answer of one of our functions. SchemaMismatchError when another function answers."""
        needs = {} if self._is_met or not args else {"needs": self._needs}  # a sweep has no arguments
        answer = await self._transport.call(
            kind, path, {"protocol": PROTOCOL, **needs, **args}, default=encode_model, limited=limited
        )
        if isinstance(answer, dict):
            members: dict[str, Any] = answer
            if members.get("protocol") == PROTOCOL:
                self._is_met = True
                self.version = members.get("version") or self.version
                return members
            if "protocol" not in members and isinstance(members.get("ok"), bool):
                raise _stock_handler(path)
            if "protocol" in members:
                raise SchemaMismatchError(
                    f"{path} speaks another protocol than {PROTOCOL!r}; run `mastra-convex init` and deploy",
                    code="ProtocolMismatch",
                    details={"function": path},
                )
        raise _unexpected(path)

    async def _answer(
        self, kind: FunctionKind, path: str, args: dict[str, Any], *, nothing: dict[str, Any]
    ) -> Mapping[str, Any]:
        """`_call`; where the deployment lacks what it needs, the error says what that is. `nothing` are arguments that
        the function answers at once."""
        try:
            return await self._call(kind, path, **args)
        except ServerError as error:
            better = await self._missing(kind, path, error, **nothing) if error.code == REDACTED else error
            if better.code == NOT_FOUND and kind != "mutation":
                better = await self._stock_handler_instead_of(better)
            elif better.code in (REDACTED, REJECTED):
                better = await self._missing_indexes(better)
            if better is error:
                raise
            raise better from error

    async def _missing(self, kind: FunctionKind, path: str, error: ServerError, **nothing: Any) -> ServerError:
        """What to raise for a failure without a reason: where the function cannot even do nothing, it is not there."""
        try:
            await self._call(kind, path, **nothing)
        except MastraConvexError as second:
            if isinstance(second, ServerError) and second.code == REDACTED:
                return SchemaMismatchError(
                    f"the function {path!r} does not run and is probably not deployed, or of an earlier version;"
                    f" {DEPLOY}, or set storage_function to where it is",
                    code=NOT_FOUND,
                    details=error.details,
                )
        return error

    async def _stock_handler_instead_of(self, error: ServerError) -> ServerError:
        """A better error when a commit that does nothing shows that @mastra/convex owns the module."""
        try:
            await self._call("mutation", self._transport.config.storage_function, commit=_empty_commit())
        except MastraConvexError as second:
            if isinstance(second, SchemaMismatchError) and second.code == _STOCK_HANDLER:
                return second
        return error

    async def _missing_indexes(self, error: ServerError) -> ServerError:
        """A better error when the database lacks indexes that the functions use; looked at until all are there."""
        if self._has_indexes:
            return error
        try:
            missing = await self.probe()
        except MastraConvexError:
            return error
        if missing:
            details = missing.details(self.version)
            return SchemaMismatchError(explained(details), code=SCHEMA_MISMATCH, details=details)
        self._has_indexes = True
        return error


def encode_model(value: Any) -> Any:
    """For orjson: the members of a model. Optional members that are None are left out; rows are dicts and stay as they
    are, which spares copying them."""
    if isinstance(value, BaseModel):
        optional = _optional_members(type(value))
        return {name: member for name, member in value.__dict__.items() if member is not None or name not in optional}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


@cache
def _optional_members(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, member in model.model_fields.items() if not member.is_required())


# Results are built without validation, as rows can be large and come from our own functions; what the rest of the
# package computes with is checked. Convex prints every number as a float.


def _read_results(
    path: str, ops: Sequence[Get | Scan | Neighbours | Describe], answer: Mapping[str, Any]
) -> list[ReadResult]:
    try:
        results: list[Any] = answer["results"]
        return [_read_result(op, result) for op, result in zip(ops, results, strict=True)]
    except _MALFORMED as error:
        raise _unexpected(path) from error


def _read_result(op: Get | Scan | Neighbours | Describe, result: Any) -> ReadResult:
    if isinstance(op, Get):
        return _get_result(result)
    if isinstance(op, Scan):
        return _scan_result(result)
    if isinstance(op, Describe):
        return DescribeResult.model_validate(result)
    return NeighboursResult.model_construct(
        target=result["target"], before=_scan_result(result["before"]), after=_scan_result(result["after"])
    )


def _get_result(result: Any) -> GetResult:
    position = result.get("next")
    return GetResult.model_construct(
        rows=_list(result["rows"]),
        values=_optional_list(result.get("values")),
        fingerprints=_optional_list(result.get("fingerprints")),
        next=None if position is None else int(position),
    )


def _scan_result(result: Any) -> ScanResult:
    cursor = result.get("cursor")
    return ScanResult.model_construct(
        rows=_list(result["rows"]),
        values=_optional_list(result.get("values")),
        matched=int(result["matched"]),
        skipped=int(result["skipped"]),
        cursor=None if cursor is None else str(cursor),
        done=bool(result["done"]),
    )


def _search_result(result: Any) -> SearchResult:
    status, guard = result["status"], result.get("guard")
    if status not in ("done", "conflict"):
        raise ValueError(status)
    return SearchResult.model_construct(
        status=status,
        guard=None if guard is None else int(guard),
        hits=[Hit.model_construct(row=dict(hit["row"]), score=float(hit["score"])) for hit in _list(result["hits"])],
    )


def _commit_result(result: Any) -> CommitResult:
    status, guard, resume = result["status"], result.get("guard"), result.get("resume")
    if status not in ("done", "more", "conflict"):
        raise ValueError(status)
    return CommitResult.model_construct(
        status=status,
        guard=None if guard is None else int(guard),
        outcomes=[
            Outcome.model_construct(
                changed=int(outcome["changed"]), missing=[int(position) for position in outcome["missing"]]
            )
            for outcome in result.get("outcomes") or ()
        ],
        resume=None if resume is None else str(resume),
        returned=[_get_result(returned) for returned in result.get("returned") or ()],
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _optional_list(value: Any) -> list[Any] | None:
    return None if value is None else _list(value)


def _empty_commit() -> Commit:
    return Commit(id=str(uuid.uuid4()))


# Refused, for its limit, by every deployed search.
_NO_SEARCH = Search(range=IndexRange(table="mastra_receipts", index="by_record_id"), field="id", vector=[], limit=0)


def _unexpected(path: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"{path} does not answer as this version expects; run `mastra-convex init` and deploy",
        code="UnexpectedAnswer",
        details={"function": path},
    )


def _stock_handler(path: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"{path} is the handler of @mastra/convex, which lacks what this package needs. Deploy ours beside it, on the"
        " same tables: run `mastra-convex init --path mastra_py`, deploy, and pass"
        ' storage_function="mastra_py/storage:handle"',
        code=_STOCK_HANDLER,
        details={"function": path},
    )
