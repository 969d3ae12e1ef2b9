"""The functions that the local server answers, and their failures as Convex tells them. Internal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError as InvalidModelError

from mastra_convex.engine.protocol import (
    PROTOCOL,
    Commit,
    CommitResult,
    Describe,
    Read,
    ReadOp,
    Search,
    SearchResult,
    TableNeeds,
)
from mastra_convex.engine.wire import decode_request
from mastra_convex.errors import (
    ClosedError,
    DamagedRowError,
    LargeValueError,
    MastraConvexError,
    SchemaMismatchError,
    TooLargeError,
    ValidationError,
)
from mastra_convex.local.watching import Watcher
from mastra_convex.remote.config import split_function
from mastra_convex.remote.schema_check import LOCAL_SERVER, SCHEMA_MISMATCH, lacking
from mastra_convex.rows.values import plain_numbers
from mastra_convex.server.requests import RefusedError
from mastra_convex.version import VERSION

T = TypeVar("T")

Function = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ServedEngine(Protocol):
    """Is the interface that the server needs: an engine that writes receipts."""

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]: ...

    async def commit(self, commit: Commit, /) -> CommitResult: ...

    async def search(self, search: Search, /) -> SearchResult: ...

    async def sweep(self) -> tuple[int, bool]:
        """Deletes some old receipts: how many, and whether none is left."""
        ...

    def watcher(self) -> Watcher:
        """Watches several reads for one consumer, who closes it."""
        ...


class Functions:
    """Runs the functions of one module on an engine."""

    def __init__(self, engine: ServedEngine, storage_function: str) -> None:
        module, name = split_function(storage_function)
        self._engine = engine
        self._functions: dict[str, tuple[str, Function]] = {
            f"{module}:{name}": ("mutation", self._commit),
            f"{module}:read": ("query", self._read),
            f"{module}:search": ("action", self._search),
            f"{module}:sweep": ("mutation", self._sweep),
        }

    async def run(self, kind: str, path: str, args: dict[str, Any], authorized: bool) -> dict[str, Any]:
        """Returns the value of a function. Raises FunctionFailedError, and RefusedError when it is not run."""
        function = self._checked(kind, path, args, authorized)
        with _translating():
            return {"protocol": PROTOCOL, **await self._shaken_hands(args), **await function(args)}

    async def live_query(self, path: str, args: Any, authorized: bool) -> tuple[dict[str, Any], list[Read[Any]]]:
        """Returns the members of the value of a live query, and the reads whose results are its member `results`.

        Raises FunctionFailedError for what cannot be subscribed to.
        """
        args = plain_numbers(args[0] if isinstance(args, list) and len(args) == 1 else args)  # some clients send 3.0
        members: dict[str, Any] = args if isinstance(args, dict) else {}
        self._checked("query", path, members, authorized)
        with _translating():
            return {"protocol": PROTOCOL, **await self._shaken_hands(members)}, _reads(members)

    def _checked(self, kind: str, path: str, args: dict[str, Any], authorized: bool) -> Function:
        found = self._functions.get(path)
        if found is None or not authorized:
            raise FunctionFailedError(f"Could not find public function for '{path}'.")
        declared, function = found
        if declared != kind:
            raise FunctionFailedError(
                f"Trying to execute {path} as {kind.capitalize()}, but it is defined as {declared.capitalize()}."
            )
        if args.get("protocol") != PROTOCOL:
            details = {"expected": PROTOCOL, "server": LOCAL_SERVER}
            raise _convex_error("ProtocolMismatch", f"this server speaks {PROTOCOL}", details)
        return function

    async def _shaken_hands(self, args: dict[str, Any]) -> dict[str, Any]:
        """Our version for a client that says what it needs; refuses one that needs what is not here."""
        if args.get("needs") is None:
            return {}
        needs = decode_request(dict[str, TableNeeds], args["needs"])
        found = await self._engine.read([Describe(table=name) for name in needs])
        missing = lacking(needs, dict(zip(needs, found, strict=True)))
        if missing:
            details = {**missing.details(VERSION), "server": LOCAL_SERVER}
            raise _convex_error(SCHEMA_MISMATCH, "the client needs what is not here", details)
        return {"version": VERSION}

    async def _read(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"results": await self._engine.read(_reads(args))}

    async def _commit(self, args: dict[str, Any]) -> dict[str, Any]:
        _only(args, "commit", "needs")
        return {"result": await self._engine.commit(decode_request(Commit, args.get("commit")))}

    async def _search(self, args: dict[str, Any]) -> dict[str, Any]:
        _only(args, "search", "needs")
        return {"result": await self._engine.search(decode_request(Search, args.get("search")))}

    async def _sweep(self, args: dict[str, Any]) -> dict[str, Any]:
        _only(args)
        deleted, done = await self._engine.sweep()
        return {"deleted": deleted, "done": done}


class FunctionFailedError(Exception):
    """An answer with status 200 and `status: error`; `data` is that of a ConvexError."""

    def __init__(self, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.data = data

    def answer(self, request_id: str) -> dict[str, Any]:
        message = f"[Request ID: {request_id}] Server Error\n{self}"
        found = {"status": "error", "errorMessage": message}
        return found if self.data is None else {**found, "errorData": self.data}


def _convex_error(code: str, message: str, details: Mapping[str, Any] | None = None) -> FunctionFailedError:
    return FunctionFailedError("Uncaught ConvexError", {**(details or {}), "code": code, "message": message})


@contextmanager
def _translating() -> Generator[None]:
    """Raises what our functions throw on Convex instead of the errors of the engine."""
    try:
        yield
    except InvalidModelError as error:
        raise _convex_error("BadRequest", _first_fault(error)) from error
    except MastraConvexError as error:
        raise translated(error) from error


def _reads(args: dict[str, Any]) -> list[Read[Any]]:
    _only(args, "ops", "needs")
    return [*decode_request(list[ReadOp], args.get("ops"))]


def translated(error: MastraConvexError) -> Exception:
    """The engine's error as our functions throw it on Convex (docs/protocol.md)."""
    if error.retryable or isinstance(error, ClosedError):
        return RefusedError(503, "WorkerOverloaded", error.message)
    details = {name: fact for name, fact in error.details.items() if isinstance(fact, str | int | float)}
    if isinstance(error, LargeValueError):
        return _convex_error("LargeValue", error.message, details)
    if isinstance(error, TooLargeError):
        return _convex_error("TooLarge", error.message, details)
    if isinstance(error, DamagedRowError):
        return _convex_error("DamagedRow", error.message, details)
    if isinstance(error, ValidationError):
        return _convex_error("BadRequest", error.message, details)
    if isinstance(error, SchemaMismatchError):
        return _convex_error(error.code or "UnknownTable", error.message, {**details, "server": LOCAL_SERVER})
    return _convex_error("Rejected", error.message, details)


def _only(args: dict[str, Any], *names: str) -> None:
    unknown = args.keys() - {"protocol", *names}
    if unknown:
        raise _convex_error("BadRequest", f"unknown argument {min(unknown)!r}")


def _first_fault(error: InvalidModelError) -> str:
    """Describes the first fault: its place and the problem, without the value."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    where = ".".join(str(part) for part in faults[0]["loc"][1:])
    return f"{where or 'arguments'}: {faults[0]['msg']}"
