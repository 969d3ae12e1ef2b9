"""Domains: the base class of domain stores, and the registry through which stores find them."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import aclosing, contextmanager
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, cast

from mastra_convex.contract.pages import Page
from mastra_convex.engine.client import Records
from mastra_convex.engine.hosted_tables import with_guests
from mastra_convex.engine.large_values.layer import with_large_values
from mastra_convex.engine.protocol import Engine
from mastra_convex.errors import ConfigurationError, MastraConvexError
from mastra_convex.retention import (
    Policy,
    Progress,
    PruneOptions,
    PruneResult,
    RetentionTable,
    parse_policies,
    prune_tables,
)
from mastra_convex.tables import Table, by_name
from mastra_convex.telemetry import Operation
from mastra_convex.telemetry.signals import Attributes

_BUILTIN_DOMAINS = "mastra_convex_domains"  # found by name: the core imports no domain
_ENTRY_POINTS = "mastra_convex.domains"
_END = object()

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def _operation(method: MethodT) -> MethodT:
    """The method as an operation, of which telemetry tells."""
    name = method.__name__

    if isasyncgenfunction(method):

        @wraps(method)
        async def iterate(domain: DomainStore, /, *args: Any, **options: Any) -> AsyncGenerator[Any]:
            with _telling(domain, name) as operation:
                operation.rows = 0
                async with aclosing(method(domain, *args, **options)) as items:
                    while True:
                        with operation.step():
                            item = await anext(items, _END)
                        if item is _END:
                            return
                        operation.rows += 1
                        yield item

        return cast(MethodT, iterate)

    @wraps(method)
    async def call(domain: DomainStore, /, *args: Any, **options: Any) -> Any:
        with _telling(domain, name) as operation, operation.step():
            result = await method(domain, *args, **options)
            operation.rows = _length(result)
            return result

    return cast(MethodT, call)


def _length(answer: object) -> int | None:
    """How many items a page has; None for another answer."""
    if not isinstance(answer, Page):
        return None
    lists = [member for member in vars(answer).values() if isinstance(member, list)]
    return len(lists[0]) if len(lists) == 1 else None


@contextmanager
def _telling(domain: DomainStore, name: str) -> Generator[Operation]:
    """Tells of an operation; errors from below that know none get its name into their id."""
    with Operation(name, domain.name, domain.database) as operation:
        try:
            yield operation
        except MastraConvexError as error:
            error.during(f"{domain.error_family}/{name}")
            raise


class DomainStore:
    """Base of all domain stores.

    A subclass has a `name` (the attribute of the store), declares its `tables`, and works through `self._records`.
    `retention` names, in Mastra's spelling, those of its tables that grow with use, children before parents. It can be
    built alone on an engine; a store passes the tables of all its domains, so that deletes reach the rows that other
    domains declare as owned.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]]
    error_family: ClassVar[str] = "STORAGE"  # in Mastra's error ids
    retention: ClassVar[Mapping[str, RetentionTable]] = {}
    database: Attributes = MappingProxyType({})  # as telemetry tells it

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, member in list(vars(cls).items()):
            if not name.startswith("_") and (iscoroutinefunction(member) or isasyncgenfunction(member)):
                setattr(cls, name, _operation(member))

    def __init__(self, engine: Engine, *, tables: Iterable[Table] = ()) -> None:
        known = by_name([*self.tables, *tables])
        self._records = Records(with_guests(with_large_values(engine, known.values()), known.values()), known)
        self.database = getattr(engine, "database", {})  # not every engine tells

    async def init(self) -> None:
        """Prepares the domain; tables come with the deployed schema or the SQLite file, so there is nothing to do."""

    @_operation
    async def dangerously_clear_all(self) -> None:
        """Deletes every row of the domain's tables, in bounded steps."""
        await self._records.clear(self.tables)

    @_operation
    async def prune(
        self,
        policies: Mapping[str, Policy],
        *,
        max_batches: int | None = None,
        max_rows: int | None = None,
        pause: float = 0.0,
        dry_run: bool = False,
        progress: Progress | None = None,
        stop: asyncio.Event | None = None,
    ) -> list[PruneResult]:
        """Deletes the rows of each table in `policies` that are older than its policy allows, oldest first.

        A row goes when its time is strictly before now - `max_age`; one without a time stays. What belongs to it in
        any registered domain goes with it. Each batch is a commit of its own, so a prune may end at any point, and
        another one goes on.

        Args:
            policies: by table, for instance `{"messages": "30d", "threads": RetentionPolicy(max_age="90d")}`.
            max_batches: batches for each table in this call.
            max_rows: rows of each table to delete in this call.
            pause: seconds between batches, to leave room for others.
            dry_run: only counts.
            progress: is called with the result so far after each batch, and with the final one.
            stop: ends the prune before the next batch once it is set.

        Raises ValidationError for a table that the domain does not prune.
        """
        options = PruneOptions(max_batches, max_rows, pause, dry_run, progress, stop)
        parsed = parse_policies(policies, self.retention, "policies")
        return await prune_tables(self._records, self.name, self.retention, parsed, options)

    async def aclose(self) -> None:
        """Releases what the domain itself holds. The engine is its store's."""


DomainT = TypeVar("DomainT", bound=DomainStore)
_registered: dict[str, type[DomainStore]] = {}
_loaded = False


def register(domain: type[DomainT]) -> type[DomainT]:
    """Class decorator that makes a domain known under its name; ConfigurationError when another has it."""
    other = _registered.setdefault(domain.name, domain)
    if other is not domain:
        raise ConfigurationError(f"domain {domain.name!r} is registered twice: {_path(other)} and {_path(domain)}")
    return domain


def registered_domains() -> Mapping[str, type[DomainStore]]:
    """All domains by name: the built-in ones, then those of installed packages (entry points
    `mastra_convex.domains`).
    """
    global _loaded  # noqa: PLW0603  # plug-ins are looked up once per process
    if not _loaded:
        importlib.import_module(_BUILTIN_DOMAINS)
        from importlib.metadata import entry_points  # noqa: PLC0415  # slow to import, needed only here

        for entry_point in entry_points(group=_ENTRY_POINTS):
            entry_point.load()
        _loaded = True
    return dict(_registered)


def declared_tables() -> list[Table]:
    """The tables of all domains, and those that modules of the built-in package declare without a domain.

    A deployed schema has the latter from the start, so that a later version of this package needs no other one.
    """
    package = importlib.import_module(_BUILTIN_DOMAINS)
    modules = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    without_domain = [value for module in modules for value in vars(module).values() if isinstance(value, Table)]
    of_domains = [table for domain in registered_domains().values() for table in domain.tables]
    return list(by_name([*of_domains, *without_domain]).values())


def _path(domain: type[DomainStore]) -> str:
    return f"{domain.__module__}.{domain.__qualname__}"
