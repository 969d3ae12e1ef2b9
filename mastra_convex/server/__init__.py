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
from collections.abc import AsyncGenerator, Iterable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from mastra_convex.engine.wire import to_bytes
from mastra_convex.errors import ClosedError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION, check_key
from mastra_convex.remote.secret import Secret
from mastra_convex.server.functions import FunctionFailedError, Functions, ServedEngine
from mastra_convex.server.requests import RefusedError, read_call
from mastra_convex.server.sync import Sockets
from mastra_convex.tables import Table

_KINDS = ("query", "mutation", "action")
_MIN_AUTHORIZATION = 7
__all__ = ["LocalServer", "ServedEngine", "serve_file"]

_log = logging.getLogger("mastra_convex.server")


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
        self._key = admin_key
        self._functions = Functions(engine, storage_function)
        self._sockets = Sockets(engine.watcher, self._functions, admin_key)
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
        for path in ("/api/sync", "/api/{version}/sync"):
            application.router.add_get(path, self._sync)
        application.on_shutdown.append(self._sockets.close)
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
            value = await self._functions.run(request.path.removeprefix("/api/"), path, args, authorized)
        except RefusedError as refused:
            return _json(refused.status, {"code": refused.code, "message": str(refused)})
        except FunctionFailedError as failed:
            return _json(200, failed.answer(_request_id(request)))
        except Exception as error:
            # Not its words, which may quote what was sent or stored.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("a call of %s failed: %s, at\n%s", request.path, type(error).__name__, where)
            return _json(500, {"code": "InternalServerError", "message": "Your request couldn't be completed."})
        return _json(200, {"status": "success", "value": value})

    async def _sync(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._sockets.serve(request)
        except RefusedError as refused:
            return _json(refused.status, {"code": refused.code, "message": str(refused)})

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


def _request_id(request: web.Request) -> str:
    given = request.headers.get("Convex-Request-Id", "")
    return given if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", given) else secrets.token_hex(8)


def _json(status: int, answer: Mapping[str, Any]) -> web.Response:
    return web.Response(status=status, body=to_bytes(answer), content_type="application/json")
