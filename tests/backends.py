"""The backends of the contract tests: each opens stores over one empty database (docs/design.md, Backends)."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import orjson
from anyio.abc import Process

from mastra_convex import ConvexStore
from mastra_convex.domain import DomainStore
from mastra_convex.engine.protocol import Engine
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import registered_domains
from mastra_convex.server import LocalServer
from mastra_convex.tables import CORE_TABLES, Table, by_name
from tests.node import node

DEPLOYMENT_URL = os.environ.get("CONVEX_TEST_URL")
"""A deployment to test on as well. Its Mastra tables are emptied before every test."""

BACKENDS = ("memory", "sqlite", "server", "convex-test", *(["deployment"] if DEPLOYMENT_URL else []))
KEY = "test-key|0123456789"
FUNCTIONS = Path(__file__).parent.parent / "convex_functions"

DomainClasses = Iterable[type[DomainStore]] | None


@dataclass
class Backend:
    """An empty database. `store()` opens another store on it, as another part of a program would."""

    name: str
    open_store: Callable[[DomainClasses], ConvexStore]
    shares_data: bool = True

    def __post_init__(self) -> None:
        self._stores: list[ConvexStore] = []

    def store(self, domains: DomainClasses = None) -> ConvexStore:
        """A store on the same data; in memory it is always the same one."""
        if self._stores and not self.shares_data:
            return self._stores[0]
        self._stores.append(self.open_store(domains))
        return self._stores[-1]

    def engine(self) -> Engine:
        return self.store()._engine  # pyright: ignore[reportPrivateUsage]  # the seam that the engine tests are about

    async def aclose(self) -> None:
        for store in self._stores:
            await store.aclose()


class ConvexHost:
    """The Node process that runs the TypeScript functions on convex-test and counts what they cost."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def reset(self, keep: str = "none") -> None:
        await self._request("POST", f"/__reset?keep={keep}")

    async def load(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        """Loads rows of test data without paying for a commit."""
        await self._request("POST", "/__load", tables)

    async def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = await self._request("GET", "/__stats")
        return stats

    async def rows(self, table: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self._request("GET", f"/__dump?table={table}")
        return rows

    async def functions(self) -> list[dict[str, Any]]:
        """Every function that is deployed: its path, its kind, whether it is public."""
        functions: list[dict[str, Any]] = await self._request("GET", "/__functions")
        return functions

    async def fail(self, **rule: Any) -> None:
        await self._request("POST", "/__fail", rule)

    async def advance(self, time: timedelta) -> None:
        """Puts the clock of the functions forward."""
        await self._request("POST", "/__clock", {"milliseconds": time.total_seconds() * 1000})

    async def _request(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else BytesIO(orjson.dumps(body))
        async with self._session.request(method, self.url + path, data=data) as response:
            response.raise_for_status()
            return await response.json()


@asynccontextmanager
async def convex_host(functions: str = "default") -> AsyncIterator[ConvexHost]:
    """Starts the Node host over a folder of `convex_functions/tests/functions`. RuntimeError without Node 20."""
    main = FUNCTIONS / "tests" / "host" / "run.mjs"
    folder = FUNCTIONS / "tests" / "functions" / functions
    command = [node(), str(main), "--functions", str(folder), "--key", KEY]
    if os.environ.get("CONVEX_HOST_NO_REDACT"):
        command.append("--no-redact")
    async with await anyio.open_process(command, stderr=None) as process:
        try:
            async with aiohttp.ClientSession() as session:
                yield ConvexHost(await _ready_url(process), session)
        finally:
            process.terminate()


async def _ready_url(process: Process) -> str:
    assert process.stdout is not None
    line = b""
    async for chunk in process.stdout:
        line += chunk
        if line.endswith(b"\n"):
            return str(json.loads(line)["url"])
    raise RuntimeError("the Node host did not start; run `npm ci --prefix convex_functions` first")


def all_tables() -> list[Table]:
    domains = registered_domains().values()
    return list(by_name([*CORE_TABLES, *(table for domain in domains for table in domain.tables)]).values())


def remote_store(url: str, domains: DomainClasses, *, key: str = KEY, **options: Any) -> ConvexStore:
    return ConvexStore(id="test", deployment_url=url, admin_auth_token=key, domains=domains, **options)


@asynccontextmanager
async def open_backend(name: str, directory: Path, host: ConvexHost | None) -> AsyncIterator[Backend]:
    if name == "memory":
        backend = Backend(name, lambda domains: ConvexStore.local(":memory:", domains=domains), shares_data=False)
        yield backend
        await backend.aclose()
    elif name == "sqlite":
        backend = Backend(name, lambda domains: ConvexStore.local(directory / "store.db", domains=domains))
        yield backend
        await backend.aclose()
    elif name == "server":
        engine = LocalEngine(":memory:", all_tables(), receipts=True)
        async with LocalServer(engine, admin_key=KEY) as server:
            backend = Backend(name, lambda domains: remote_store(server.url, domains))
            yield backend
            await backend.aclose()
        await engine.aclose()
    elif name == "deployment":
        assert DEPLOYMENT_URL is not None
        url, key = DEPLOYMENT_URL, os.environ["CONVEX_TEST_ADMIN_KEY"]
        backend = Backend(name, lambda domains: remote_store(url, domains, key=key))
        for domain in registered_domains().values():
            await backend.store().domain(domain).dangerously_clear_all()
        yield backend
        await backend.aclose()
    else:
        assert host is not None
        await host.reset()
        backend = Backend(name, lambda domains: remote_store(host.url, domains))
        yield backend
        await backend.aclose()
