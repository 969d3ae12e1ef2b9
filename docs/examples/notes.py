"""Notes on threads: a domain of another package, in a table that needs no deployment."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar

from pydantic import Field as Member

from mastra_convex.domain import (
    Delete,
    DomainStore,
    Field,
    Index,
    Owner,
    Page,
    PerPage,
    Put,
    Record,
    Scan,
    ScanResult,
    Table,
    UtcDatetime,
    decode_row,
    encode_row,
    new_id,
    now,
    page_request,
    parse,
    text,
)
from mastra_convex_domains import DOCUMENTS

NOTES = Table(
    name="acme_notes",
    fields=(Field("id"), Field("threadId"), Field("text"), Field("tags", "any"), Field("createdAt")),
    indexes=(Index("by_record_id", ("id",)), Index("by_thread_created", ("threadId", "createdAt"))),
    owner=Owner("mastra_threads", "by_thread_created"),
    stored_in=DOCUMENTS,
)


class Note(Record):
    id: str = Member(default_factory=new_id, min_length=1)
    thread_id: str
    text: str
    tags: list[str] = Member(default_factory=list)
    created_at: UtcDatetime = Member(default_factory=now)


class NotePage(Page):
    notes: list[Note]


class NotesStore(DomainStore):
    """Notes, newest first. They are deleted with their thread."""

    name: ClassVar[str] = "notes"
    tables: ClassVar[tuple[Table, ...]] = (NOTES,)

    async def save_note(self, note: Note | Mapping[str, Any]) -> Note:
        checked = parse(Note, note, "note", operation="SAVE_NOTE")
        row = encode_row(NOTES, checked.model_dump(by_alias=True))
        await self._records.commit([Put(table=NOTES.name, rows=[row])])
        return checked

    async def list_notes(self, thread_id: str, *, page: int = 0, per_page: PerPage = 20) -> NotePage:
        thread = text(thread_id, "thread_id", operation="LIST_NOTES")
        wanted = page_request(page, per_page, operation="LIST_NOTES")
        scan = Scan(table=NOTES.name, index="by_thread_created", prefixes=[[thread]], order="desc")
        found = await self._records.read(wanted.scan(scan, include_total=True))
        rows, info = wanted.cut(found.rows, found.matched, include_total=True)
        return NotePage(notes=[Note.stored(decode_row(NOTES, row), NOTES) for row in rows], **info)

    def watch_notes(self, thread_id: str, *, per_page: int = 20) -> AsyncGenerator[NotePage]:
        thread = text(thread_id, "thread_id", operation="WATCH_NOTES")
        wanted = page_request(0, per_page, operation="WATCH_NOTES")
        scan = Scan(table=NOTES.name, index="by_thread_created", prefixes=[[thread]], order="desc")

        async def page(found: ScanResult) -> NotePage:
            rows, info = wanted.cut(found.rows, found.matched, include_total=True)
            return NotePage(notes=[Note.stored(decode_row(NOTES, row), NOTES) for row in rows], **info)

        return self._records.watch(wanted.scan(scan, include_total=True), page)

    async def delete_note(self, id: str) -> None:
        await self._records.commit([Delete(table=NOTES.name, keys=[[text(id, "id", operation="DELETE_NOTE")]])])
