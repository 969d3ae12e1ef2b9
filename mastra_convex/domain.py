"""All that authors of domains import: the base class, tables, records, operations, pages and arguments.

What is listed in `__all__` here is promised to other packages, together with `mastra_convex.errors` and the names of
`mastra_convex` itself; every other module is internal. docs/adding-a-domain.md walks through a domain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from mastra_convex.contract.arguments import (
    check_batch_size,
    choice,
    equals,
    integer,
    items,
    json_object,
    mapping,
    metadata_conditions,
    moment,
    number,
    string,
    text,
    texts,
)
from mastra_convex.contract.embedders import ArrayLike, Embedder, HashingEmbedder, VectorLike
from mastra_convex.contract.models import (
    Id,
    Integer,
    Model,
    Number,
    Record,
    StoredObject,
    UtcDatetime,
    about,
    checked_when_given,
    exactly,
    is_stored,
    json_member,
    new_id,
    parse,
    parse_list,
)
from mastra_convex.contract.pages import (
    Answer,
    DateRange,
    Page,
    PageInfo,
    PageRequest,
    PerPage,
    Time,
    order_column,
    page_request,
)
from mastra_convex.contract.turns import in_turn
from mastra_convex.contract.unset import UNSET, Unset
from mastra_convex.engine.client import MAX_KEYS, Records, batches, in_parts
from mastra_convex.engine.layers import layered
from mastra_convex.engine.protocol import (
    Bound,
    CommitResult,
    Delete,
    DeleteRange,
    Describe,
    EmptyGuard,
    Engine,
    Get,
    GetResult,
    Guard,
    HoldsGuard,
    IndexRange,
    KeyGuard,
    Neighbours,
    NeighboursResult,
    Patch,
    PatchRange,
    Put,
    Scan,
    ScanResult,
    Search,
    SearchResult,
    UnchangedGuard,
    WriteOp,
)
from mastra_convex.engine.read_modify_write import (
    MAX_CONFLICTS,
    answer_of,
    check_function,
    kept_changing,
    read_modify_write,
)
from mastra_convex.engine.threads import each
from mastra_convex.errors import ConfigurationError
from mastra_convex.retention import (
    Policy,
    Progress,
    PruneOptions,
    PruneResult,
    RetentionPolicy,
    RetentionTable,
    parse_policies,
    prune_tables,
)
from mastra_convex.rows.at_once import check_at_once, runs
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.codec import decode_row, encode_columns, encode_row, text_column
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.explain import shown
from mastra_convex.rows.filter_syntax import checked_filter
from mastra_convex.rows.filter_truth import holds_always
from mastra_convex.rows.keys import Key
from mastra_convex.rows.native import Checked
from mastra_convex.rows.paths import Path
from mastra_convex.rows.sizes import value_size
from mastra_convex.rows.times import now, to_iso
from mastra_convex.rows.values import (
    MAX_ARRAY_ELEMENTS,
    MAX_SAFE_INTEGER,
    Row,
    as_integer,
    carried,
    checked,
    clean,
    clean_text,
    from_json,
    to_json,
)
from mastra_convex.tables import Field, Index, Owner, Table, VectorIndex, by_name, nearest_of
from mastra_convex.telemetry.operations import WATCHES, operation
from mastra_convex.telemetry.signals import Attributes

__all__ = [
    "MAX_ARRAY_ELEMENTS",
    "MAX_CONFLICTS",
    "MAX_KEYS",
    "MAX_SAFE_INTEGER",
    "UNSET",
    "Answer",
    "ArrayLike",
    "Bound",
    "Change",
    "Checked",
    "CommitResult",
    "Condition",
    "DateRange",
    "Delete",
    "DeleteRange",
    "Describe",
    "DomainStore",
    "Edit",
    "Embedder",
    "EmptyGuard",
    "Engine",
    "Field",
    "Get",
    "GetResult",
    "Guard",
    "HashingEmbedder",
    "HoldsGuard",
    "Id",
    "Index",
    "IndexRange",
    "Integer",
    "Key",
    "KeyGuard",
    "Model",
    "Neighbours",
    "NeighboursResult",
    "Number",
    "Owner",
    "Page",
    "PageInfo",
    "PageRequest",
    "Patch",
    "PatchRange",
    "Path",
    "PerPage",
    "Policy",
    "PruneOptions",
    "PruneResult",
    "Put",
    "Record",
    "Records",
    "RetentionPolicy",
    "RetentionTable",
    "Row",
    "Scan",
    "ScanResult",
    "Search",
    "SearchResult",
    "StoredObject",
    "Table",
    "Time",
    "UnchangedGuard",
    "Unset",
    "UtcDatetime",
    "VectorIndex",
    "VectorLike",
    "WriteOp",
    "about",
    "answer_of",
    "as_integer",
    "as_operation",
    "batches",
    "carried",
    "check_at_once",
    "check_batch_size",
    "check_function",
    "checked",
    "checked_filter",
    "checked_when_given",
    "choice",
    "clean",
    "clean_text",
    "decode_row",
    "each",
    "encode_columns",
    "encode_row",
    "equals",
    "exactly",
    "from_json",
    "holds_always",
    "in_parts",
    "in_turn",
    "integer",
    "is_stored",
    "items",
    "json_member",
    "json_object",
    "kept_changing",
    "mapping",
    "metadata_conditions",
    "moment",
    "new_id",
    "now",
    "number",
    "order_column",
    "page_request",
    "parse",
    "parse_list",
    "parse_policies",
    "read_modify_write",
    "register",
    "runs",
    "shown",
    "string",
    "text",
    "text_column",
    "texts",
    "to_iso",
    "to_json",
    "value_size",
]

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def _length(answer: object) -> int | None:
    """Counts the items of a page; None for another answer."""
    if not isinstance(answer, Page):
        return None
    lists = [member for member in vars(answer).values() if isinstance(member, list)]
    return len(lists[0]) if len(lists) == 1 else None


def as_operation(method: MethodT) -> MethodT:
    """Makes an async method of a view an operation that telemetry records, as those of a domain are.

    The class of the method needs the attributes `name`, `error_family` and `database`.
    """
    return operation(method, _length)


def _is_operation(name: str, member: object) -> bool:
    is_watch = name.startswith(WATCHES) and isfunction(member)
    return is_watch or iscoroutinefunction(member) or isasyncgenfunction(member)


class DomainStore:
    """Is the base of all domain stores.

    A subclass works through `self._records`. A store gives all its domains the same records, so that deletes reach the
    rows that other domains declare as owned; `on` builds a domain alone.

    Attributes:
        name: the attribute of the store.
        tables: the tables of the domain.
        retention: those of its tables that grow with use, in Mastra's spelling, children before their parents.
        error_family: the family in Mastra's error ids.
        database: the facts about the database that telemetry reports.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]]
    error_family: ClassVar[str] = "STORAGE"
    retention: ClassVar[Mapping[str, RetentionTable]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "tables" in vars(cls) or "retention" in vars(cls):
            _check_declarations(cls)
        for name, member in list(vars(cls).items()):
            if not name.startswith("_") and _is_operation(name, member):
                setattr(cls, name, as_operation(member))

    def __init__(self, records: Records, *, database: Attributes = MappingProxyType({})) -> None:
        self._records = records
        self.database = database

    @classmethod
    def on(cls, engine: Engine, *, tables: Iterable[Table] = ()) -> Self:
        """Builds the domain alone on an engine, without a store.

        Args:
            engine: the engine; it stays the caller's to close.
            tables: the tables of other domains whose rows belong to rows of this one.
        """
        return cls(layered(engine, [*cls.tables, *tables]), database=getattr(engine, "database", {}))

    def __repr__(self) -> str:
        facts = vars(self).get("database", {})  # a domain that keeps its data elsewhere may have none
        store = f" of the store {facts['db.namespace']!r}" if "db.namespace" in facts else ""
        system = f" ({facts['db.system.name']})" if "db.system.name" in facts else ""
        return f"<{type(self).__name__} {self.name!r}{store}{system}>"

    async def init(self) -> None:
        """Prepares the domain; tables come with the deployed schema or the SQLite file, so there is nothing to do."""

    @as_operation
    async def dangerously_clear_all(self) -> None:
        """Deletes every row of the domain's tables, in bounded steps."""
        await self._records.clear(self.tables)

    @as_operation
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
            dry_run: only counts; no further than the bounds.
            progress: is called with the result so far after each batch, and with the final one.
            stop: ends the prune before the next batch once it is set.

        Returns:
            A result for each table, in the order in which they were pruned.

        Raises:
            ValidationError: a table that the domain does not prune, or bounds that cannot be meant.
        """
        options = PruneOptions(max_batches, max_rows, pause, dry_run, progress, stop)
        return await self._pruned(policies, options)

    async def _pruned(self, policies: Mapping[str, Policy], options: PruneOptions) -> list[PruneResult]:
        parsed = parse_policies(policies, self.retention, "policies")
        return await prune_tables(self._records, self.name, self.retention, parsed, options)

    async def aclose(self) -> None:
        """Releases what the domain itself holds. The engine is its store's."""


def _check_declarations(domain: type[DomainStore]) -> None:
    """Checks what a domain class declares. Raises ConfigurationError for what is none."""
    where = _path(domain)
    tables: object = getattr(domain, "tables", None)
    if not isinstance(tables, tuple) or not all(isinstance(table, Table) for table in tables):
        raise ConfigurationError(f"{where}: tables must be a tuple of Table, as (NOTES,)")
    by_name(domain.tables)
    if not isinstance(domain.retention, Mapping):
        raise ConfigurationError(f"{where}: retention must be a mapping of names to RetentionTable")
    for name, kept in domain.retention.items():
        if not isinstance(kept, RetentionTable):
            raise ConfigurationError(f"{where}: retention[{name!r}] must be a RetentionTable")
        if kept.table not in domain.tables:
            hint = nearest_of(kept.table.name, [table.name for table in domain.tables])
            raise ConfigurationError(f"{where}: retention[{name!r}] is of {kept.table.name!r}, no table of it{hint}")


DomainT = TypeVar("DomainT", bound=DomainStore)
_registered: dict[str, type[DomainStore]] = {}


def register(domain: type[DomainT]) -> type[DomainT]:
    """Makes a domain class known under its name, as a decorator. Raises ConfigurationError when another has it."""
    check_domain(domain)
    other = _registered.setdefault(domain.name, domain)
    if other is not domain:
        raise ConfigurationError(f"domain {domain.name!r} is registered twice: {_path(other)} and {_path(domain)}")
    return domain


def check_domain(domain: object) -> None:
    """Raises ConfigurationError for what is no domain class that a store can have."""
    if not isinstance(domain, type) or not issubclass(domain, DomainStore):
        raise ConfigurationError(f"domains must be domain classes, not {domain!r}")
    name: object = getattr(domain, "name", None)
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise ConfigurationError(f"{_path(domain)}: name must be that of an attribute, not {name!r}")
    if not hasattr(domain, "tables"):
        raise ConfigurationError(f"{_path(domain)}: tables is missing")


def registered() -> dict[str, type[DomainStore]]:
    """Returns the domain classes that were registered so far, by name. Stores find them by `mastra_convex.registry`."""
    return dict(_registered)


def _path(domain: type[DomainStore]) -> str:
    return f"{domain.__module__}.{domain.__qualname__}"
