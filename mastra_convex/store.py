"""Opens a store: an engine (a Convex deployment or a SQLite file) and the domains on it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from mastra_convex.domain import DomainStore, check_domain
from mastra_convex.engine.layers import layered
from mastra_convex.errors import ConfigurationError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.local.inspection import inspect_file
from mastra_convex.local.vectors.cache import VECTOR_CACHE_BYTES
from mastra_convex.registry import check_owners, registered_domains
from mastra_convex.remote.config import DEFAULT_STORAGE_FUNCTION, RemoteConfig, check_seconds, environment
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.store_base import DomainAccess
from mastra_convex.tables import Table, by_name

if TYPE_CHECKING:
    import aiohttp

    from mastra_convex.remote.engine import RemoteEngine

__all__ = ["ConvexStore", "RemoteOptions", "inspect_file"]

_log = logging.getLogger("mastra_convex.store")

DomainClasses = Iterable[type[DomainStore]]


class RemoteOptions(TypedDict, total=False):
    """Names the optional arguments of `ConvexStore` for a deployment."""

    storage_function: str
    timeout: float
    connect_timeout: float
    retry: RetryPolicy | None
    max_in_flight: int
    session: aiohttp.ClientSession | None
    allow_http: bool


class ConvexStore(DomainAccess):
    """Stores Mastra's data on a Convex deployment, or with `ConvexStore.local` in a SQLite file.

    No I/O happens before the first call. Use it with `async with`, or close it with `await store.aclose()`.

    Args:
        id: name of the store, for logs.
        deployment_url: `https://<name>.convex.cloud`, a self-hosted URL, or that of `mastra-convex dev`. Plain http
            is allowed only to this machine, unless `allow_http` is set.
        admin_auth_token: the deployment's admin or deploy key, plain or as a `Secret`. It never appears in errors,
            logs, `repr` or the local variables of tracebacks.
        storage_function: path of the deployed commit function; `read`, `search` and `sweep` are its siblings.
        domains: domain classes to register; None for all built-in and installed ones.
        timeout: seconds that a call may take, all its retries included.
        connect_timeout: seconds to wait for a connection.
        retry: policy for repeating calls that failed temporarily; None for the default policy.
        max_in_flight: greatest number of concurrent calls; more wait. Convex runs 16 queries and 16 mutations at a
            time on its smallest class.
        session: aiohttp session to use, which the caller must close; None for a session of the store's own.
        allow_http: True allows plain http to other machines, where others can read the key.

    Raises:
        ConfigurationError: an argument is wrong.

    Example:
        async with ConvexStore.local(":memory:", id="notes") as notes:
            thread = await notes.memory.save_thread({"resource_id": "user-1"})
            assert await notes.memory.get_thread_by_id(thread.id) == thread
    """

    def __init__(
        self,
        *,
        id: str,
        deployment_url: str,
        admin_auth_token: str | Secret,
        storage_function: str = DEFAULT_STORAGE_FUNCTION,
        domains: DomainClasses | None = None,
        timeout: float = 30.0,
        connect_timeout: float = 5.0,
        retry: RetryPolicy | None = None,
        max_in_flight: int = 16,
        session: aiohttp.ClientSession | None = None,
        allow_http: bool = False,
    ) -> None:
        admin_auth_token = Secret(admin_auth_token)  # hides the key if this frame is part of a traceback
        config = RemoteConfig(
            deployment_url=deployment_url,
            admin_auth_token=admin_auth_token,
            storage_function=storage_function,
            timeout=timeout,
            connect_timeout=connect_timeout,
            retry=retry or RetryPolicy(),
            max_in_flight=max_in_flight,
            allow_http=allow_http,
        )
        from mastra_convex.remote.engine import RemoteEngine  # noqa: PLC0415  # with aiohttp, which is slow to import
        from mastra_convex.remote.transport import Transport  # noqa: PLC0415

        classes = _classes(domains)
        engine = RemoteEngine(Transport(config, session), _tables(classes))
        self._set_up(id, config.deployment_url, engine, classes)

    @classmethod
    def local(
        cls,
        path: str | os.PathLike[str],
        *,
        id: str = "local",
        domains: DomainClasses | None = None,
        vector_cache_bytes: int = VECTOR_CACHE_BYTES,
        timeout: float = 30.0,
    ) -> Self:
        """Makes a store in one SQLite file, without a deployment. Several processes may share a file.

        Args:
            path: path of the file, also `~/agent.db`; `":memory:"` keeps the data in memory. Where the file cannot be
                written, it can be read.
            id: name of the store, for logs.
            domains: domain classes to register; None for all built-in and installed ones.
            vector_cache_bytes: memory for vectors that were searched, in bytes; 1 GiB by default. A number takes 4
                bytes, and there is some room for new vectors. A larger index is read from the file at each query.
            timeout: seconds that a call may take, waiting for other programs that write to the file included.

        Returns:
            The store; the file is opened by the first call.

        Raises:
            ConfigurationError: an argument is wrong.
        """
        store = cls.__new__(cls)
        classes = _classes(domains)
        check_seconds("timeout", timeout)
        engine = LocalEngine(path, _tables(classes), vector_cache_bytes=vector_cache_bytes, timeout=timeout)
        store._set_up(id, engine.path, engine, classes)
        return store

    @classmethod
    def from_env(
        cls,
        *,
        id: str = "mastra",
        local: str | os.PathLike[str] | None = None,
        domains: DomainClasses | None = None,
        **options: Unpack[RemoteOptions],
    ) -> Self:
        """Makes a store for the deployment that the variables CONVEX_URL and CONVEX_ADMIN_KEY name.

        CONVEX_STORAGE_FUNCTION says where its functions are, unless `storage_function` is given.

        Args:
            id: name of the store, for logs.
            local: path of a SQLite file, which is used only when CONVEX_URL is not set; None for no such file.
            domains: domain classes to register; None for all built-in and installed ones.
            options: further arguments of the constructor, for a deployment; `timeout` for a file, too.

        Returns:
            The store of the deployment, or of the file.

        Raises:
            ConfigurationError: only one of the two variables is set, or neither is and `local` is not given.
        """
        found = environment()
        if found is not None:
            options.setdefault("storage_function", found.storage_function)
            _log.info("store %r: Convex deployment %s, from CONVEX_URL", id, found.deployment_url)
            return cls(
                id=id,
                deployment_url=found.deployment_url,
                admin_auth_token=found.admin_auth_token,
                domains=domains,
                **options,
            )
        if local is None:
            raise ConfigurationError("CONVEX_URL is not set; set it with CONVEX_ADMIN_KEY, or pass local= a file")
        _log.info("store %r: local file %s, as CONVEX_URL is not set", id, Path(local))
        return cls.local(local, id=id, domains=domains, timeout=options.get("timeout", 30.0))

    def _set_up(
        self, id: str, location: str, engine: LocalEngine | RemoteEngine, classes: Mapping[str, type[DomainStore]]
    ) -> None:
        if not isinstance(id, str) or not id.strip():
            raise ConfigurationError("id must be a non-empty string")
        self.id = id
        self._location = location
        self._engine = engine
        for name in classes:
            if hasattr(type(self), name):
                raise ConfigurationError(f"no domain can be named {name!r}: every store has an attribute of that name")
        records = layered(engine, _tables(classes))
        database = {**engine.database, "db.namespace": id}
        self._domains = {name: domain(records, database=database) for name, domain in classes.items()}

    async def init(self) -> None:
        """Checks that the engine answers, and prepares every domain. This is optional: each call does it as needed."""
        await self._engine.read([])
        for domain in self._domains.values():
            await domain.init()

    async def sweep(self) -> int:
        """Deletes old receipts and unused large values, and returns the number of deleted rows.

        Receipts are deleted after an hour, large values when no row has referred to them for an hour. A store does
        this from time to time by itself. Programs that run too briefly for that can call it in a separate job.
        """
        total, done = 0, False
        while not done:
            deleted, done = await self._engine.sweep()
            total += deleted
        return total

    async def aclose(self) -> None:
        """Closes connections and files; later calls raise ClosedError. Safe to repeat."""
        self._closed = True
        await self._engine.aclose()

    def __repr__(self) -> str:
        if "_domains" not in vars(self):  # it is shown in a traceback, as the constructor failed
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} {self.id!r} at {self._location!r}: {', '.join(sorted(self._domains))}>"


def _classes(domains: DomainClasses | None) -> Mapping[str, type[DomainStore]]:
    if domains is None:
        return registered_domains()
    if not isinstance(domains, Iterable):
        raise ConfigurationError("domains must be a list of domain classes")
    classes: dict[str, type[DomainStore]] = {}
    for domain in domains:
        check_domain(domain)
        if classes.setdefault(domain.name, domain) is not domain:
            raise ConfigurationError(f"domains has two classes named {domain.name!r}")
    return classes


def _tables(classes: Mapping[str, type[DomainStore]]) -> list[Table]:
    tables = list(by_name(table for domain in classes.values() for table in domain.tables).values())
    check_owners(tables)
    return tables
