"""Pages of threads, resources, and of a thread as a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from mastra_convex.domain import Get, Scan
from mastra_convex.engine.protocol import Read
from mastra_convex.view.page import Query, Site, not_found
from mastra_convex.view.parts import blocks_of, folded
from mastra_convex.view.reading import PROBLEM, Columns, Listing
from mastra_convex.view.shown import Room, as_json, link, row_link

THREADS: Final = "mastra_threads"
MESSAGES: Final = "mastra_messages"
RESOURCES: Final = "mastra_resources"
STATE: Final = "mastra_thread_state"
OBSERVATIONS: Final = "mastra_observational_memory"


async def threads(site: Site, query: Query) -> web.Response:
    """Lists threads by the time of their last message; a search looks at titles, ids and metadata."""
    resource, words = query.text("resource"), query.text("q").casefold().split()
    scan = Scan(
        table=THREADS,
        index="by_resource_updated" if resource else "by_updated",
        prefixes=[[resource] if resource else []],
        order="desc",
        cursor=query.cursor,
    )

    def found(row: Columns) -> bool:
        text = "\n".join((str(row.get("title")), str(row.get("id")), as_json(row.get("metadata")))).casefold()
        return all(word in text for word in words)

    listing = await site.reader.page(scan, keep=found if words else None)
    return await site.page("threads.html", query, section="Threads", title="Threads", listing=listing)


async def thread(site: Site, query: Query) -> web.Response:
    """Shows a thread: its messages, working memory, metadata, state and observations."""
    id = query.text("id")
    is_newest_first = query.text("order") == "newest"
    reader, deployed = site.reader, await site.reader.deployed()
    messages = reader.scan(
        Scan(
            table=MESSAGES,
            index="by_thread_created",
            prefixes=[[id]],
            order="desc" if is_newest_first else "asc",
            cursor=query.cursor,
        )
    )
    others = [
        Scan(table=STATE, index="by_thread_type", prefixes=[[id]], limit=10),
        Scan(table=OBSERVATIONS, index="by_thread", prefixes=[[id]], order="desc", limit=1),
    ]
    scans = [scan for scan in [*others, messages] if scan.table in deployed]
    wanted: list[Read[Any]] = [Get(table=THREADS, keys=[[id]]), *scans]
    [got, *found] = await reader.once(wanted)
    row = await reader.row(THREADS, got)
    lists = {scan.table: await reader.listing(scan.table, each) for scan, each in zip(scans, found, strict=True)}
    listing = lists.get(MESSAGES, Listing([], None, 0))
    if row is None and not listing.rows:
        raise not_found("thread", id)
    resource = None if row is None else row.get("resourceId")
    memory = await reader.get(RESOURCES, [resource]) if resource and RESOURCES in deployed else None
    return await site.page(
        "thread.html",
        query,
        section="Threads",
        title=(row or {}).get("title") or id,
        thread=row,
        resource=memory,
        states=lists.get(STATE),
        observations=lists.get(OBSERVATIONS),
        listing=listing,
        messages=await asyncio.to_thread(_messages, listing.rows),
        is_newest_first=is_newest_first,
        raw=row_link(THREADS, [id], "/raw"),
        other_order=link("/thread", id=id, order=None if is_newest_first else "newest"),
    )


def _messages(rows: Sequence[Columns]) -> list[dict[str, Any]]:
    room = Room()
    return [_message(row, room) for row in rows]


def _message(row: Columns, room: Room) -> dict[str, Any]:
    content, problem = row.get("content"), row.get(PROBLEM)
    metadata = content.get("metadata") if isinstance(content, dict) else None
    return {
        **row,
        "blocks": blocks_of(content, room) if problem is None else [folded(content, room, problem)],
        "metadata": None if metadata is None else room.cut(as_json(metadata)),
        "raw": row_link(MESSAGES, [row.get("id")], "/raw"),
    }


async def resources(site: Site, query: Query) -> web.Response:
    """Lists resources with working memory or metadata."""
    scan = Scan(table=RESOURCES, index="by_updated", order="desc", cursor=query.cursor)
    listing = await site.reader.page(scan)
    return await site.page("resources.html", query, section="Resources", title="Resources", listing=listing)


async def resource_names(site: Site, query: Query) -> web.Response:
    """Lists the names of all resources that have threads."""
    listing = await site.reader.names(THREADS, "by_resource_updated", query.text("cursor"))
    members = {"path": "/resource", "parameter": "id"}
    return await site.page("names.html", query, section="Resources", title="Resources", listing=listing, **members)


async def resource(site: Site, query: Query) -> web.Response:
    """Shows what is kept of a resource; one that only threads name is shown too."""
    id, reader = query.text("id"), site.reader
    key = f"resource:{id}"
    wanted: list[Get | Scan] = [
        Get(table=RESOURCES, keys=[[id]]),
        Scan(table=OBSERVATIONS, index="by_lookup_key", prefixes=[[key]], order="desc", limit=1),
    ]
    deployed = await reader.deployed()
    reads: list[Read[Any]] = [read for read in wanted if read.table in deployed]
    found = {read.table: answer for read, answer in zip(reads, await reader.once(reads), strict=True)}
    row = await reader.row(RESOURCES, found[RESOURCES]) if RESOURCES in found else None
    observed = (await reader.listing(OBSERVATIONS, found[OBSERVATIONS])).rows if OBSERVATIONS in found else []
    return await site.page(
        "resource.html",
        query,
        section="Resources",
        title=id,
        id=id,
        resource=row,
        raw=row_link(RESOURCES, [id], "/raw") if row else None,
        observed=observed,
        generations=link("/observations", lookupKey=key),
    )
