"""Pages that are lists of rows and nothing more, the page of any row, and its raw JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from mastra_convex.domain import Scan
from mastra_convex.view.page import SECTIONS, NotFoundPage, Page, Query, Site, not_found
from mastra_convex.view.parts import Block, blocks_of
from mastra_convex.view.shown import as_json, cut, row_link


@dataclass(frozen=True)
class Rows:
    """Declares a list: its columns by their headings, the index of all rows, and that of each filter.

    `filters` are in the order in which they choose the index; each index begins with the column of its filter.
    """

    title: str
    table: str
    columns: Mapping[str, str]
    index: str
    filters: Mapping[str, str]
    order: Any = "desc"


DOCUMENTS: Final = Rows(
    title="Documents",
    table="mastra_documents",
    columns={"Table": "table", "Id": "primaryKey", "Record": "record"},
    index="by_creation_time",
    filters={"table": "by_table"},
)
SCHEDULES: Final = Rows(
    title="Schedules",
    table="mastra_schedules",
    columns={
        "Id": "id", "Status": "status", "Cron": "cron", "Next": "next_fire_at", "Last": "last_fire_at",
        "Target": "target",
    },
    index="by_created",
    filters={"workflow_id": "by_workflow_id", "status": "by_status_next_fire_at"},
)  # fmt: skip
TRIGGERS: Final = Rows(
    title="Firings of schedules",
    table="mastra_schedule_triggers",
    columns={
        "Schedule": "schedule_id", "Outcome": "outcome", "Planned": "scheduled_fire_at", "Fired": "actual_fire_at",
        "Run": "run_id", "Error": "error",
    },
    index="by_actual",
    filters={"schedule_id": "by_schedule_actual"},
)  # fmt: skip
TASKS: Final = Rows(
    title="Background tasks",
    table="mastra_background_tasks",
    columns={
        "Tool": "tool_name", "Status": "status", "Agent": "agent_id", "Created": "createdAt",
        "Completed": "completedAt", "Error": "error",
    },
    index="by_created",
    filters={
        "thread_id": "by_thread_created", "agent_id": "by_agent_created", "tool_name": "by_tool_created",
        "status": "by_status_created",
    },
)  # fmt: skip
OBSERVATIONS: Final = Rows(
    title="Observational memory",
    table="mastra_observational_memory",
    columns={
        "Thread": "threadId", "Resource": "resourceId", "Generation": "generationCount", "Updated": "updatedAt",
        "Observations": "activeObservations",
    },
    index="by_updated",
    filters={"threadId": "by_thread", "lookupKey": "by_lookup_key"},
)  # fmt: skip

TIMES: Final = frozenset(
    {"next_fire_at", "last_fire_at", "scheduled_fire_at", "actual_fire_at", "created_at", "updated_at"}
    | {f"{name}At" for name in ("created", "updated", "started", "ended", "completed", "suspended")}
)
"""The columns that hold times."""
_MARKDOWN: Final = frozenset({"workingMemory", "activeObservations", "bufferedObservations", "reason"})
"""The columns whose text is shown as markdown."""


def list_page(rows: Rows) -> Page:
    """Makes the page of a list."""

    async def show(site: Site, query: Query) -> web.Response:
        wanted = {name: query.text(name) for name in rows.filters if query.text(name)}
        first = next(iter(wanted), None)
        scan = Scan(
            table=rows.table,
            index=rows.index if first is None else rows.filters[first],
            prefixes=[[] if first is None else [wanted[first]]],
            order=rows.order,
            cursor=query.cursor,
        )

        def matches(row: dict[str, Any]) -> bool:
            return all(row.get(name) == value for name, value in wanted.items())

        if not await site.reader.has(rows.table):
            raise NotFoundPage(f"There are no {rows.title.lower()}.")
        listing = await site.reader.page(scan, keep=matches if len(wanted) > 1 else None)
        section = next((name for name, _, table in SECTIONS if table == rows.table), "Schedules")
        keys = [row_link(rows.table, _key(site, rows.table, row)) for row in listing.rows]
        has_firings = rows is SCHEDULES and await site.reader.has(TRIGGERS.table)
        members = {"rows": rows, "listing": listing, "keys": keys, "times": TIMES, "has_firings": has_firings}
        return await site.page("list.html", query, section=section, title=rows.title, **members)

    return show


async def row(site: Site, query: Query) -> web.Response:
    """Shows any row: each column by what it holds."""
    table, key = query.text("table"), _given_key(site, query)
    found = await site.reader.get(table, key)
    if found is None:
        raise not_found("row", query.text("key"))
    section = next((name for name, _, each in SECTIONS if each == table), "")
    columns = await asyncio.to_thread(_columns, found)
    title = found.get("name") or found.get("id") or " / ".join(map(str, key))
    members = {"columns": columns, "table": table, "raw": row_link(table, key, "/raw"), "times": TIMES}
    return await site.page("row.html", query, section=section, title=title, **members)


async def raw(site: Site, query: Query) -> web.Response:
    """Gives a row as JSON."""
    found = await site.reader.get(query.text("table"), _given_key(site, query))
    if found is None:
        raise not_found("row", query.text("key"))
    body = (await asyncio.to_thread(as_json, found)).encode("utf-8", "replace")
    return web.Response(body=body, content_type="application/json", charset="utf-8")


@dataclass(frozen=True)
class _Shown:
    kind: str
    value: Any


def _columns(row: Mapping[str, Any]) -> dict[str, _Shown]:
    return {name: _shown(name, value) for name, value in row.items() if value is not None}


def _shown(name: str, value: Any) -> _Shown:
    if name in TIMES:
        return _Shown("time", value)
    if name in _MARKDOWN and isinstance(value, str):
        return _Shown("markdown", value)
    if name in ("input", "output") and (messages := messages_in(value)):
        return _Shown("messages", messages)
    if isinstance(value, str):
        return _Shown("text" if len(value) > 80 or "\n" in value else "short", cut(value))
    if isinstance(value, dict | list) or value is None:
        return _Shown("json", cut(as_json(value)))
    return _Shown("short", cut(as_json(value)))


def messages_in(value: Any) -> list[tuple[str, list[Block]]]:
    """Returns the messages in the input or output of a call of a model, with their roles; none for another value."""
    messages = value.get("messages") if isinstance(value, Mapping) else value
    if not isinstance(messages, list):
        return []
    found = [each for each in messages if isinstance(each, Mapping) and isinstance(each.get("role"), str)]
    return [(each["role"], blocks_of(each.get("content"))) for each in found] if len(found) == len(messages) else []


def _key(site: Site, table: str, row: Mapping[str, Any]) -> list[Any]:
    return [row.get(field) for field in site.reader.tables[table].key_fields]


def _given_key(site: Site, query: Query) -> list[Any]:
    table = site.reader.tables.get(query.text("table"))
    try:
        given: Any = json.loads(query.text("key"))
    except ValueError:
        given = None
    key: list[Any] = given if isinstance(given, list) else []
    if table is None or not all(isinstance(each, str) for each in key) or len(key) != len(table.key_fields):
        raise not_found("row", query.text("key"))
    return [*key]
