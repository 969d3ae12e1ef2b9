"""The backends: each opens stores over one empty database (docs/design.md, "Backends")."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mastra_convex.domain import DomainStore, Engine
from mastra_convex.local.engine import LocalEngine
from mastra_convex.registry import declared_tables, registered_domains
from mastra_convex.server import LocalServer
from mastra_convex.store import ConvexStore
from mastra_convex.tables import Table
from mastra_convex.testing.convex_host import KEY, ConvexHost

DEPLOYMENT_URL: Final = os.environ.get("CONVEX_TEST_URL")
"""A deployment to test on as well. The tables of all domains there are emptied before every test."""

BACKENDS: Final = ("memory", "sqlite", "server", "convex-test", *(["deployment"] if DEPLOYMENT_URL else []))
"""Names the backends, in the order in which tests run on them."""

DomainClasses = Iterable[type[DomainStore]] | None


@dataclass
class Backend:
    """Holds an empty database. `store()` opens another store on it, as another part of a program would.

    Attributes:
        name: one of `BACKENDS`.
        open_store: opens a store with these domains, None for all.
        domains: the domains that a store has unless others are asked for, None for all.
        shares_data: whether two stores see the same data; in memory they do not.
    """

    name: str
    open_store: Callable[[DomainClasses], ConvexStore]
    domains: DomainClasses = None
    shares_data: bool = True
    _stores: list[ConvexStore] = field(default_factory=list[ConvexStore], init=False)

    def store(self, domains: DomainClasses = None) -> ConvexStore:
        """Returns a store on the same data; in memory it is always the same one."""
        if self._stores and not self.shares_data:
            return self._stores[0]
        self._stores.append(self.open_store(self.domains if domains is None else domains))
        return self._stores[-1]

    def engine(self) -> Engine:
        """Returns the engine of a store, for rows as no method of a domain writes them."""
        return self.store()._engine  # pyright: ignore[reportPrivateUsage]

    async def aclose(self) -> None:
        """Closes the stores that were opened."""
        for store in self._stores:
            await store.aclose()


def tables_of(domains: DomainClasses) -> list[Table]:
    """Returns the tables that a database must have: those of all domains, installed ones too, and of these."""
    own = [table for domain in domains or () for table in domain.tables]
    return list({table.name: table for table in [*declared_tables(), *own]}.values())


def remote_store(url: str, domains: DomainClasses, *, key: str = KEY, **options: Any) -> ConvexStore:
    """Opens a store on a server of the tests."""
    return ConvexStore(id="test", deployment_url=url, admin_auth_token=key, domains=domains, **options)


@asynccontextmanager
async def open_backend(
    name: str, directory: Path, host: ConvexHost | None = None, domains: DomainClasses = None
) -> AsyncGenerator[Backend]:
    """Opens a backend with an empty database, and closes it and its stores at the end.

    Args:
        name: one of `BACKENDS`.
        directory: an empty folder for files.
        host: the running host of functions, which `convex-test` needs.
        domains: the domains of its stores, None for all that are installed; their tables are deployed.
    """
    if name == "memory":
        backend = Backend(
            name, lambda domains: ConvexStore.local(":memory:", domains=domains), domains, shares_data=False
        )
        yield backend
        await backend.aclose()
    elif name == "sqlite":
        backend = Backend(name, lambda domains: ConvexStore.local(directory / "store.db", domains=domains), domains)
        yield backend
        await backend.aclose()
    elif name == "server":
        engine = LocalEngine(":memory:", tables_of(domains), receipts=True)
        async with LocalServer(engine, admin_key=KEY) as server:
            backend = Backend(name, lambda domains: remote_store(server.url, domains), domains)
            yield backend
            await backend.aclose()
        await engine.aclose()
    elif name == "deployment":
        url, key = os.environ["CONVEX_TEST_URL"], os.environ["CONVEX_TEST_ADMIN_KEY"]
        backend = Backend(name, lambda domains: remote_store(url, domains, key=key), domains)
        async with remote_store(url, domains, key=key) as store:
            for domain in domains or registered_domains().values():
                await store.domain(domain).dangerously_clear_all()
        yield backend
        await backend.aclose()
    else:
        if host is None:
            raise ValueError(f"{name!r} needs a host of functions")
        await host.reset()
        backend = Backend(name, lambda domains: remote_store(host.url, domains), domains)
        yield backend
        await backend.aclose()
