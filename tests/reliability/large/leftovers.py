"""What is in the tables of large values, and sweeping it as if a time had passed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from mastra_convex.engine.client import Records
from mastra_convex.engine.protocol import Commit, Engine, IndexRange, PatchRange, Scan
from mastra_convex.rows.changes import Change
from mastra_convex.rows.large_values import generations
from tests.backends import all_tables


@dataclass(frozen=True)
class LargeValues:
    """Generations by their state, those that have chunks, and those that rows refer to."""

    live: set[str]
    pending: set[str]
    dropped: set[str]
    chunked: set[str]
    referred: set[str]


async def large_values(engine: Engine) -> LargeValues:
    records = Records(engine, {})
    values = (await records.read(Scan(table="mastra_large_values", index="by_record_id"))).rows
    chunks = await records.read(Scan(table="mastra_chunks", index="by_generation", paths=[["generation"]]))
    rows = [
        str(row).encode()
        for table in all_tables()
        if table.large_columns
        for row in (await records.read(Scan(table=table.name, index=table.key))).rows
    ]
    states = {state: {row["id"] for row in values if row["state"] == state} for state in ("live", "pending", "dropped")}
    return LargeValues(
        **states,
        chunked={(text or "").strip('"') for [text] in chunks.values or ()},
        referred={generation for row in rows for generation in generations(row)},
    )


async def sweep_as_if_later(engine: Engine, *states: str) -> None:
    """Sweeps until nothing is left, as if values had been in these states for ever."""
    for state in states:
        aged = IndexRange(table="mastra_large_values", index="by_state", prefix=[state])
        change = Change(set={"since": 0})
        await engine.commit(Commit(id=uuid.uuid4().hex, ops=[PatchRange(range=aged, change=change)]))
    done = False
    while not done:
        _, done = await engine.sweep()
