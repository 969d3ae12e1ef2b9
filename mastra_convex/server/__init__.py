"""A local server with the HTTP shape of Convex, over a local engine: what `mastra-convex dev` runs.

Several processes can share one SQLite file through it, and a program that uses it changes nothing but its URL to move
to Convex. The admin key is required, as our functions are internal ones.
"""

from __future__ import annotations

import hmac
import logging
import os
import re
import secrets
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from aiohttp import web
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
from mastra_convex.engine.wire import decode_request, to_bytes
from mastra_convex.errors import (
    ClosedError,
    DamagedRowError,
    LargeValueError,
    MastraConvexError,
    SchemaMismatchError,
    TooLargeError,
    ValidationError,
)
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION, check_key, split_function
from mastra_convex.remote.schema_check import LOCAL_SERVER, SCHEMA_MISMATCH, lacking
from mastra_convex.remote.secret import Secret
from mastra_convex.server.requests import RefusedError, read_call
from mastra_convex.tables import Table
from mastra_convex.version import VERSION

T = TypeVar("T")

_KINDS = ("query", "mutation", "action")
_MIN_AUTHORIZATION = 7
__all__ = ["LocalServer", "ServedEngine", "serve_file"]

_log = logging.getLogger("mastra_convex.server")


class ServedEngine(Protocol):
    """Is the interface that the server needs: an engine that writes receipts."""

    async def read(self, ops: Sequence[Read[T]], /) -> list[T]: ...

    async def commit(self, commit: Commit, /) -> CommitResult: ...

    async def search(self, search: Search, /) -> SearchResult: ...

    async def sweep(self) -> tuple[int, bool]:
        """Deletes some old receipts: how many, and whether none is left."""
        ...


class LocalServer:
    """Serves an engine, which stays the caller's to close.

    `port=0` takes a free port; `url` tells it once the server runs. Use it with `async with`, or `start` and `aclose`.
    """

    def __init__(
        self,
        engine: ServedEngine,
        *,
        admin_key: str | Secret,
        storage_function: str = DEFAULT_STORAGE_FUNCTION,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        admin_key = Secret(admin_key)
        check_key("admin_key", admin_key)
        module, name = split_function(storage_function)
        self._engine = engine
        self._key = admin_key
        self._functions: dict[str, tuple[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]] = {
            f"{module}:{name}": ("mutation", self._commit),
            f"{module}:read": ("query", self._read),
            f"{module}:search": ("action", self._search),
            f"{module}:sweep": ("mutation", self._sweep),
        }
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Returns the URL to pass as `deployment_url`. Raises ClosedError while the server does not run."""
        if self._runner is None or not self._runner.addresses:
            raise ClosedError("the server is not running")
        port = self._runner.addresses[0][1]
        return f"http://[{self._host}]:{port}" if ":" in self._host else f"http://{self._host}:{port}"

    async def start(self) -> None:
        """Begins to listen. OSError when the address is taken."""
        if self._runner is not None:
            return
        application = web.Application()
        application.router.add_get("/version", self._version)
        for kind in _KINDS:
            application.router.add_post(f"/api/{kind}", self._call)
        # Convex does not decode compressed bodies either; not doing so spares us what they may unfold to.
        runner = web.AppRunner(
            application, access_log=None, auto_decompress=False, shutdown_timeout=5.0, logger=_Discreet(_log)
        )
        self._runner = runner
        try:
            await runner.setup()
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stops listening, lets running calls finish for some seconds, closes connections. Safe to repeat."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _version(self, request: web.Request) -> web.Response:
        return web.Response(text="mastra_convex")

    async def _call(self, request: web.Request) -> web.Response:
        try:
            authorized = self._authorize(request)
            path, args = await read_call(request, authorized=authorized)
            value = await self._run(request.path.removeprefix("/api/"), path, args, authorized)
        except RefusedError as refused:
            return _json(refused.status, {"code": refused.code, "message": str(refused)})
        except _FunctionFailedError as failed:
            return _json(200, failed.answer(_request_id(request)))
        except Exception as error:
            # Not its words, which may quote what was sent or stored.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("a call of %s failed: %s, at\n%s", request.path, type(error).__name__, where)
            return _json(500, {"code": "InternalServerError", "message": "Your request couldn't be completed."})
        return _json(200, {"status": "success", "value": value})

    def _authorize(self, request: web.Request) -> bool:
        """Tells whether the caller has the admin key; without a header it is anonymous, a wrong key is refused."""
        client = request.headers.get("Convex-Client")
        if client is not None and "-" not in client:
            raise RefusedError(400, "InvalidClientVersion", "Convex-Client must be name-version")
        header = request.headers.get("Authorization")
        if header is None:
            return False
        if len(header) < _MIN_AUTHORIZATION:
            raise RefusedError(400, "InvalidHeaderFailure", "the Authorization header is too short")
        scheme, _, key = header.partition(" ")
        if scheme.lower() == "bearer":
            raise RefusedError(401, "InvalidAuthHeader", "this server knows no users, only the admin key")
        if scheme.lower() != "convex":
            raise RefusedError(400, "InvalidAdminKey", "the Authorization header must be: Convex <admin key>")
        if not hmac.compare_digest(key.strip().encode("utf-8", "surrogateescape"), self._key.reveal().encode()):
            raise RefusedError(401, "BadAdminKey", "the admin key is not that of this server")
        return True

    async def _run(self, kind: str, path: str, args: dict[str, Any], authorized: bool) -> dict[str, Any]:
        found = self._functions.get(path)
        if found is None or not authorized:
            raise _FunctionFailedError(f"Could not find public function for '{path}'.")
        declared, function = found
        if declared != kind:
            raise _FunctionFailedError(
                f"Trying to execute {path} as {kind.capitalize()}, but it is defined as {declared.capitalize()}."
            )
        if args.get("protocol") != PROTOCOL:
            details = {"expected": PROTOCOL, "server": LOCAL_SERVER}
            raise _convex_error("ProtocolMismatch", f"this server speaks {PROTOCOL}", details)
        try:
            return {"protocol": PROTOCOL, **await self._shaken_hands(args), **await function(args)}
        except InvalidModelError as error:
            raise _convex_error("BadRequest", _first_fault(error)) from error
        except MastraConvexError as error:
            raise _translated(error) from error

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
        _only(args, "ops", "needs")
        ops = decode_request(list[ReadOp], args.get("ops"))
        return {"results": await self._engine.read(ops)}

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


@asynccontextmanager
async def serve_file(
    path: str | os.PathLike[str], tables: Iterable[Table], admin_key: Secret, *, host: str, port: int
) -> AsyncGenerator[LocalServer]:
    """Serves a SQLite file, or memory, while the context lasts.

    Raises ConfigurationError for a file that cannot be opened, OSError for an address that is taken.
    """
    engine = LocalEngine(path, tables, receipts=True)
    try:
        await engine.read([])  # opens the file, so that a wrong one is reported at once
        async with LocalServer(engine, admin_key=admin_key, host=host, port=port) as server:
            yield server
    finally:
        await engine.aclose()


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """Logs aiohttp's complaints about malformed HTTP without tracebacks, as these quote headers, so the key."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, {}

    def exception(self, msg: object, *args: object, **options: Any) -> None:
        self.debug(msg, *args)


class _FunctionFailedError(Exception):
    """An answer with status 200 and `status: error`; `data` is that of a ConvexError."""

    def __init__(self, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.data = data

    def answer(self, request_id: str) -> dict[str, Any]:
        message = f"[Request ID: {request_id}] Server Error\n{self}"
        found = {"status": "error", "errorMessage": message}
        return found if self.data is None else {**found, "errorData": self.data}


def _convex_error(code: str, message: str, details: Mapping[str, Any] | None = None) -> _FunctionFailedError:
    return _FunctionFailedError("Uncaught ConvexError", {**(details or {}), "code": code, "message": message})


def _translated(error: MastraConvexError) -> Exception:
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


def _request_id(request: web.Request) -> str:
    given = request.headers.get("Convex-Request-Id", "")
    return given if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", given) else secrets.token_hex(8)


def _json(status: int, answer: Mapping[str, Any]) -> web.Response:
    return web.Response(status=status, body=to_bytes(answer), content_type="application/json")
