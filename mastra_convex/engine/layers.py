"""The layers in front of an engine, built once per store. Internal."""

from __future__ import annotations

from collections.abc import Iterable

from mastra_convex.engine.client import Records
from mastra_convex.engine.hosted_tables import with_hosted_tables
from mastra_convex.engine.large_values.layer import with_large_values
from mastra_convex.engine.protocol import Engine
from mastra_convex.tables import Table, by_name


def layered(engine: Engine, tables: Iterable[Table]) -> Records:
    """Returns what the domains of a store work with: hosted tables over large values over the engine."""
    known = by_name(tables)
    return Records(with_hosted_tables(with_large_values(engine, known.values()), known.values()), known)
