"""Compares the tables, columns and indexes that this client uses with those deployed (docs/protocol.md, "Handshake").

Words the error that lists what is missing. Internal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from mastra_convex.engine.protocol import DescribeResult, Needs, TableNeeds
from mastra_convex.tables import Table

SCHEMA_MISMATCH: Final = "SchemaMismatch"
"""The code of a call whose needs are not met."""

LOCAL_SERVER: Final = "mastra-convex dev"
"""The `server` in the details of an error of our local server."""


@dataclass(frozen=True)
class Lacking:
    """Names of what is not there: tables; `table.column`; `table.index`, also where it has other fields."""

    tables: list[str] = field(default_factory=list[str])
    columns: list[str] = field(default_factory=list[str])
    indexes: list[str] = field(default_factory=list[str])

    def __bool__(self) -> bool:
        return bool(self.tables or self.columns or self.indexes)

    def details(self, version: str | None) -> dict[str, Any]:
        """As data of an error, with the version of the deployed functions."""
        return {**asdict(self), "version": version}


def needs_of(tables: Iterable[Table]) -> dict[str, TableNeeds]:
    """Lists the key, columns and indexes of these tables, as a deployment must have them."""
    return {
        table.name: TableNeeds(
            key=table.key,
            fields=[field.name for field in table.fields],
            indexes={index.name: index.fields for index in table.indexes},
        )
        for table in tables
    }


def lacking(needs: Needs, found: Mapping[str, DescribeResult]) -> Lacking:
    """Compares the needs with what is described of each of their tables."""
    result = Lacking()
    for name, table in needs.items():
        there = found[name]
        if not there.deployed:
            result.tables.append(name)
            continue
        result.columns.extend(f"{name}.{column}" for column in table.fields if column not in there.fields)
        for index, fields in table.indexes.items():
            has_fields = list(there.indexes.get(index, ())) == list(fields)
            is_key = index != table.key or there.key == index
            if not has_fields or not is_key:
                result.indexes.append(f"{name}.{index}")
    return result


def remedy(function: str, details: Mapping[str, Any] | None = None) -> str:
    """Says what to do where a deployment is not as this package needs it; `function` is one of its functions."""
    if details and details.get("server") == LOCAL_SERVER:
        return f"install this version and the packages that declare them where `{LOCAL_SERVER}` runs, and restart it"
    folder = function.partition(":")[0].rpartition("/")[0]
    option = f" --path {folder}" if folder not in ("", "mastra") else ""
    return f"run `mastra-convex init{option}`, then deploy with `npx convex deploy`"


def explained(function: str, details: Mapping[str, Any]) -> str:
    """A sentence about the details of a mismatch, which may come from outside: what is not there, and what to do."""
    parts = [
        f"{what}: {', '.join(map(str, names))}"
        for what in ("tables", "columns", "indexes")
        if isinstance(names := details.get(what), list) and names
    ]
    prints = "" if details.get("server") else " (`init` prints what an existing convex/schema.ts lacks)"
    return (
        f"the deployment (functions of version {details.get('version') or 'unknown'}) lacks, or has otherwise,"
        f" {', and '.join(parts) or 'something'}; {remedy(function, details)}{prints}"
    )
