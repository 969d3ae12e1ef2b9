"""Opens a store: an engine (a Convex deployment or a SQLite file) and the domains on it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack

from pydantic.alias_generators import to_snake

from mastra_convex.contract.arguments import text
from mastra_convex.domain import DomainStore, Records, check_domain
from mastra_convex.engine.layers import layered
from mastra_convex.errors import ConfigurationError, ValidationError
from mastra_convex.local.engine import LocalEngine
from mastra_convex.local.inspection import inspect_file
from mastra_convex.local.vectors.cache import VECTOR_CACHE_BYTES
from mastra_convex.moving.load import IfExists, MoveReport, checked_if_exists
from mastra_convex.moving.selection import DomainRows
from mastra_convex.moving.transfer import Database, Progress, Selection, copy, erase, export, import_
from mastra_convex.registry import check_owners, registered_domains
from mastra_convex.remote.config import (
    DEFAULT_STORAGE_FUNCTION,
    RemoteConfig,
    RemoteOptions,
    check_seconds,
    environment,
)
from mastra_convex.remote.retry import RetryPolicy
from mastra_convex.remote.secret import Secret
from mastra_convex.rows.explain import one_of
from mastra_convex.store_base import DomainAccess
from mastra_convex.tables import Table, by_name

if TYPE_CHECKING:
    import aiohttp

    from mastra_convex.remote.engine import RemoteEngine

__all__ = ["ConvexStore", "inspect_file"]

_log = logging.getLogger("mastra_convex.store")

DomainClasses = Iterable[type[DomainStore]]


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
        read_only: bool = False,
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
            read_only: True never changes the file, which must exist; calls that write raise ConfigurationError.

        Returns:
            The store; the file is opened by the first call.

        Raises:
            ConfigurationError: an argument is wrong.
        """
        store = cls.__new__(cls)
        classes = _classes(domains)
        check_seconds("timeout", timeout)
        if read_only and str(path) == ":memory:":
            raise ConfigurationError("read_only needs a file, as memory is empty at first")
        engine = LocalEngine(
            path, _tables(classes), vector_cache_bytes=vector_cache_bytes, timeout=timeout, read_only=read_only
        )
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
        tables = _tables(classes)
        records = layered(engine, tables)
        self._database = Database(engine, records, tables)
        database = {**engine.database, "db.namespace": id}
        self._domains = {name: domain(records, database=database) for name, domain in classes.items()}

    @property
    def records(self) -> Records:
        """Returns what the domains read and write through. Internal: for tools of this package that show any row."""
        return self._database.records

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

    async def export(
        self,
        path: str | os.PathLike[str],
        *,
        only: Iterable[str] | None = None,
        resource_id: str | None = None,
        progress: Progress | None = None,
    ) -> MoveReport:
        """Writes what is stored into a snapshot file of Convex's form (docs/moving.md).

        Args:
            path: the file, a ZIP; it is made or replaced once all is written.
            only: names of domains; None for all.
            resource_id: exports all that belongs to this resource and nothing else; None for everything.
            progress: is called with a table and the number of its rows that were written, after each page.

        Returns:
            How many rows of each table were written.

        Raises:
            ValidationError: `only` names a domain that the store lacks, or is given with `resource_id`.
        """
        return await export(self._database, _path(path), self._selection(only, resource_id), progress or _silent)

    async def import_(
        self,
        path: str | os.PathLike[str],
        *,
        only: Iterable[str] | None = None,
        if_exists: IfExists = "keep",
        progress: Progress | None = None,
    ) -> MoveReport:
        """Reads a snapshot file: of `export`, of `npx convex export` or of Convex's dashboard (docs/moving.md).

        The file is checked before anything is written. To repeat an import changes nothing.

        Args:
            path: the file.
            only: names of domains; None for all.
            if_exists: what happens to a row that is there and differs: "keep" it, "replace" it, or "error", which
                writes nothing.
            progress: is called with a table and the number of its rows that were read, after each page.

        Returns:
            How many rows of each table were written, and which tables were left out.

        Raises:
            ValidationError: the file is damaged, or a row does not fit its table; nothing was written.
            ConflictError: rows differ and `if_exists` is "error"; nothing was written.
        """
        checked_if_exists(if_exists)
        chosen = self._chosen(only)
        return await import_(self._database, _path(path), chosen, if_exists, progress or _silent)

    async def copy_to(
        self,
        target: ConvexStore,
        *,
        only: Iterable[str] | None = None,
        resource_id: str | None = None,
        if_exists: IfExists = "keep",
        progress: Progress | None = None,
    ) -> MoveReport:
        """Copies what is stored to another store, and reads it there again (docs/moving.md).

        A copy that was interrupted is continued by another call: what is there is not written again.

        Args:
            target: the other store, which has the same domains.
            only: names of domains; None for all.
            resource_id: copies all that belongs to this resource and nothing else; None for everything.
            if_exists: as for `import_`.
            progress: is called with a table and the number of its rows that were copied, after each page.

        Returns:
            How many rows of each table were written.

        Raises:
            ValidationError: the target lacks a table; nothing was written.
            ConflictError: rows differ and `if_exists` is "error"; or somebody wrote meanwhile, then copy again.
        """
        checked_if_exists(if_exists)
        selection = self._selection(only, resource_id)
        return await copy(self._database, target._database, selection, if_exists, progress or _silent)

    async def erase(self, resource_id: str, *, progress: Progress | None = None) -> dict[str, int]:
        """Deletes all that belongs to a resource, in every domain of the store (docs/moving.md).

        Args:
            resource_id: the resource, for instance a user.
            progress: is called with a table and the number of its rows that were deleted.

        Returns:
            The number of deleted rows by table.

        Raises:
            ValidationError: the id is blank.
        """
        return await erase(self._database, text(resource_id, "resource_id", operation="ERASE"), progress or _silent)

    async def backup(self, path: str | os.PathLike[str]) -> None:
        """Writes a whole and consistent copy of the SQLite file while others use it (docs/moving.md).

        Args:
            path: the file of the copy, which must not exist.

        Raises:
            ConfigurationError: the store is a deployment, or the file exists.
        """
        if not isinstance(self._engine, LocalEngine):
            raise ConfigurationError("a deployment has backups of its own; write a file with `export`")
        await self._engine.backup(_path(path))

    async def aclose(self) -> None:
        """Closes connections and files; later calls raise ClosedError. Safe to repeat."""
        self._closed = True
        await self._engine.aclose()

    def _chosen(self, only: Iterable[str] | None) -> DomainRows:
        """Chooses the rows of some domains, or of all."""
        if isinstance(only, str) or not isinstance(only, Iterable | None):
            raise ValidationError('only must be a list of domains, as in only=["memory"]')
        names = list(self._domains) if only is None else [to_snake(str(name)) for name in only]
        for name in names:
            if name not in self._domains:
                raise ValidationError(f"only: a domain {one_of(name, sorted(self._domains))}")
        return DomainRows((table for name in names for table in self._domains[name].tables), self._database.tables)

    def _selection(self, only: Iterable[str] | None, resource_id: str | None) -> Selection:
        if resource_id is None:
            return self._chosen(only)
        if only is not None:
            raise ValidationError("either only or resource_id can be given")
        return self._database.resource(text(resource_id, "resource_id", operation="EXPORT"))

    def __repr__(self) -> str:
        if "_domains" not in vars(self):  # it is shown in a traceback, as the constructor failed
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} {self.id!r} at {self._location!r}: {', '.join(sorted(self._domains))}>"


def _path(path: str | os.PathLike[str]) -> Path:
    """Returns a path that a user gave, with `~` resolved."""
    return Path(os.path.expanduser(os.fspath(path)))


def _silent(table: str, rows: int) -> None:
    """Reports no progress."""


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
