from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from mastra_convex import ConflictError, NotFoundError
from mastra_convex_domains import Message, Resource, Thread
from tests.reliability.hostile.outcomes import NOW, plain

from .lists import Row, by_time, has_pairs, page_of, within


class MemoryModel:
    """Dicts keep the order in which keys first came, as Convex does."""

    def __init__(self) -> None:
        self.threads: dict[str, Row] = {}
        self.messages: dict[str, Row] = {}
        self.resources: dict[str, Row] = {}

    def save_thread(self, thread: Row) -> Row:
        row: Row = plain(Thread(**thread))
        self.threads[row["id"]] = row
        return row

    def get_thread_by_id(self, thread_id: str, resource_id: str | None = None) -> Row | None:
        row = self.threads.get(thread_id)
        return row if row and resource_id in (None, row["resource_id"]) else None

    def update_thread(self, id: str, title: str | None = None, metadata: Row | None = None) -> Row:
        row = self._thread(id)
        self.threads[id] = {
            **row,
            "title": row["title"] if title is None else title,
            "metadata": {**row["metadata"], **(metadata or {})},
            "updated_at": NOW,
        }
        return self.threads[id]

    def update_thread_resource_id(self, thread_id: str, resource_id: str) -> Row:
        if self._thread(thread_id)["resource_id"] != resource_id:
            for id, row in self.messages.items():
                if row["thread_id"] == thread_id:
                    self.messages[id] = {**row, "resource_id": resource_id}
            self.threads[thread_id] = {**self.threads[thread_id], "resource_id": resource_id, "updated_at": NOW}
        return self.threads[thread_id]

    def list_threads(
        self,
        resource_id: str | None = None,
        metadata: Row | None = None,
        order_by: str = "-created_at",
        **page: Any,
    ) -> Row:
        rows = [
            row
            for row in self.threads.values()
            if resource_id in (None, row["resource_id"]) and has_pairs(row["metadata"], metadata)
        ]
        return page_of("threads", by_time(rows, descending=order_by.startswith("-")), **page)

    def delete_thread(self, thread_id: str, deletes_vectors: bool = False) -> None:
        self.threads.pop(thread_id, None)
        self.messages = {id: row for id, row in self.messages.items() if row["thread_id"] != thread_id}

    def clone_thread(
        self,
        source_thread_id: str,
        new_thread_id: str,
        resource_id: str | None = None,
        title: str | None = None,
        metadata: Row | None = None,
        message_limit: int | None = None,
        message_ids: Iterable[str] = (),
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Row:
        source = self._thread(source_thread_id)
        if new_thread_id in self.threads:
            raise ConflictError("already exists")
        chosen = [
            row
            for row in by_time(self.messages.values())
            if row["thread_id"] == source_thread_id
            and within(row, start, end)
            and (not message_ids or row["id"] in message_ids)
        ][-(message_limit or 0) :]
        ids = {row["id"]: str(uuid4()) for row in chosen}
        copies = [
            {
                **row,
                "id": ids[row["id"]],
                "thread_id": new_thread_id,
                "resource_id": resource_id or row["resource_id"],
            }
            for row in chosen
        ]
        clone = {"sourceThreadId": source_thread_id, "clonedAt": NOW}
        if copies:
            clone["lastMessageId"] = chosen[-1]["id"]  # the original
        if title is None:
            title = f"Clone of {source['title']}" if source["title"] else ""
        thread = {
            "id": new_thread_id,
            "resource_id": resource_id or source["resource_id"],
            "title": title,
            "metadata": {**(metadata or {}), "clone": clone},
            "created_at": NOW,
            "updated_at": NOW,
        }
        self.messages |= {row["id"]: row for row in copies}
        self.threads[new_thread_id] = thread
        return {"thread": thread, "cloned_messages": copies, "message_id_map": ids}

    def save_messages(self, messages: list[Row]) -> list[Row]:
        rows = {message["id"]: plain(Message(**message)) for message in messages}
        self.messages |= rows
        self._touch(row["thread_id"] for row in rows.values())
        return [row for row in by_time(rows.values()) if row["role"] != "system"]

    def update_messages(self, messages: list[Row]) -> list[Row]:
        changed: dict[str, Row] = {}
        for update in messages:
            id = update["id"]
            if id not in self.messages:
                continue
            row = self.messages[id]
            content = {**row["content"], **update.get("content", {})}
            metadata = update.get("content", {}).get("metadata")
            if isinstance(metadata, dict):
                old = row["content"].get("metadata")
                content["metadata"] = {**(old if isinstance(old, dict) else {}), **metadata}
            self._touch([row["thread_id"], update.get("thread_id")])
            self.messages[id] = changed[id] = {**row, **update, "content": content}
        return list(changed.values())

    def delete_messages(self, message_ids: list[str]) -> None:
        for id in message_ids:
            row = self.messages.pop(id, None)
            self._touch([row["thread_id"]] if row else [])

    def list_messages(
        self,
        thread_id: str | list[str],
        resource_id: str | None = None,
        include: Iterable[Row] = (),
        metadata: Row | None = None,
        order_by: str = "created_at",
        start: datetime | None = None,
        end: datetime | None = None,
        start_exclusive: bool = False,
        end_exclusive: bool = False,
        page: int = 0,
        per_page: Any = 40,
        include_total: bool = True,
    ) -> Row:
        matching = [
            row
            for row in by_time(self.messages.values(), descending=order_by.startswith("-"))
            if row["thread_id"] in ([thread_id] if isinstance(thread_id, str) else thread_id)
            and resource_id in (None, row["resource_id"])
            and within(row, start, end, start_exclusive, end_exclusive)
            and has_pairs(row["content"].get("metadata"), metadata)
        ]
        found = page_of("messages", matching, page, per_page, include_total)
        if not include and per_page != 0:
            return found
        included = [id for entry in include for id in self._window(entry, resource_id)]
        shown = {row["id"] for row in found["messages"]} | set(included)
        rows = by_time(
            (row for row in self.messages.values() if row["id"] in shown), descending=order_by.startswith("-")
        )
        if per_page == 0 and per_page is not False:
            return {**found, "messages": rows, "total": 0 if include_total else None, "has_more": False}
        return {**found, "messages": rows, "has_more": any(row["id"] not in shown for row in matching)}

    def list_messages_by_resource_id(self, resource_id: str, **options: Any) -> Row:
        threads = list({row["thread_id"] for row in self.messages.values()})
        found = self.list_messages(threads, resource_id=resource_id, **{**options, "per_page": False, "page": 0})
        page = {name: options[name] for name in ("page", "include_total") if name in options}
        return page_of("messages", found["messages"], per_page=options.get("per_page", 40), **page)

    def list_messages_by_id(self, message_ids: list[str]) -> list[Row]:
        return [row for row in by_time(self.messages.values()) if row["id"] in message_ids and row["role"] != "system"]

    def save_resource(self, resource: Row) -> Row:
        row: Row = plain(Resource(**resource))
        self.resources[row["id"]] = row
        return row

    def get_resource_by_id(self, resource_id: str) -> Row | None:
        return self.resources.get(resource_id)

    def update_resource(self, resource_id: str, working_memory: str | None = None, metadata: Row | None = None) -> Row:
        new: Row = {"id": resource_id, "working_memory": None, "metadata": {}, "created_at": NOW}
        row = self.resources.get(resource_id, new)
        self.resources[resource_id] = {
            **row,
            "working_memory": row["working_memory"] if working_memory is None else working_memory,
            "metadata": {**row["metadata"], **(metadata or {})},
            "updated_at": NOW,
        }
        return self.resources[resource_id]

    def _thread(self, id: str) -> Row:
        if id not in self.threads:
            raise NotFoundError("not found")
        return self.threads[id]

    def _touch(self, ids: Iterable[str | None]) -> None:
        for id in ids:
            if id is not None and id in self.threads:
                self.threads[id] = {**self.threads[id], "updated_at": NOW}

    def _window(self, entry: Row, resource_id: str | None) -> list[str]:
        """The ids of a message and its neighbours in its thread, among those of the resource."""
        target = self.messages.get(entry["id"])
        if target is None or resource_id not in (None, target["resource_id"]):
            return []
        ids = [
            row["id"]
            for row in by_time(self.messages.values())
            if row["thread_id"] == target["thread_id"] and resource_id in (None, row["resource_id"])
        ]
        at = ids.index(target["id"])
        first = max(0, at - entry.get("with_previous_messages", 0))
        return ids[first : at + entry.get("with_next_messages", 0) + 1]
