"""Stores records of any logical table in the table `mastra_documents` (docs/contract.md, "Documents").

The handler of `@mastra/convex` stores a record there when its table is not a Convex table of its own. A domain whose
tables are not deployed can use it too: `Table(..., stored_in=DOCUMENTS)`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    Condition,
    Delete,
    DeleteRange,
    DomainStore,
    Field,
    Get,
    Index,
    IndexRange,
    Page,
    PerPage,
    Put,
    Record,
    Row,
    Scan,
    ScanResult,
    StoredObject,
    Table,
    as_integer,
    batches,
    decode_row,
    each,
    encode_row,
    in_parts,
    integer,
    items,
    json_object,
    mapping,
    new_id,
    order_column,
    page_request,
    register,
    text,
    to_json,
)
from mastra_convex.errors import ValidationError

DOCUMENTS = Table(
    name="mastra_documents",
    fields=(
        Field("table"),
        Field("primaryKey"),
        Field("record", "any", large=True),
    ),
    indexes=(
        Index("by_table", ("table",)),
        Index("by_table_primary", ("table", "primaryKey")),
    ),
    key="by_table_primary",
    shared=True,
)
"""Each row holds one record, with the name of its logical table and its id as text."""

Document = dict[str, Any]
"""A document is a record with an `id` (text, or a whole number other than 0); none of its keys is renamed."""

DocumentList = list[Document]
DocumentOrder = Literal["inserted", "-inserted", "id", "-id"]


class DocumentPage(Page):
    """Holds one page of a list of documents.

    Example:
        await store.documents.put_many("notes", records=[{"id": "a"}, {"id": "b"}])
        first = await store.documents.list("notes", per_page=1)
        second = await store.documents.list("notes", per_page=1, cursor=first.cursor)
        assert first.has_more and second.documents == [{"id": "b"}] and second.cursor is None
    """

    documents: DocumentList
    """Lists the records of the page, in the order asked for."""
    cursor: str | None
    """Continues the list after the last record of the page; None when no record follows, or the page has none."""


class _Stored(Record):
    """Reads a row; `StoredObject` accepts a record of another writer that is not an object."""

    record: StoredObject


@register
class DocumentsStore(DomainStore):
    """Stores records of any shape, by the name of a logical table and their `id`.

    Example:
        await store.documents.put("notes", record={"id": 1, "text": "Buy milk", "done": False})
        page = await store.documents.list("notes", filter={"done": False})
        assert [note["text"] for note in page.documents] == ["Buy milk"]
    """

    name: ClassVar[str] = "documents"
    tables: ClassVar[tuple[Table, ...]] = (DOCUMENTS,)

    async def put(self, table: str, *, record: Mapping[str, Any]) -> Document:
        """Stores a record under its `id` (a new one when it has none), replaces an older one, and returns it."""
        name = _name(table, "PUT")
        [(document, row)] = await each(lambda given: _document(name, given, "record", "PUT"), [record])
        await self._put([row])
        return document

    async def put_many(self, table: str, *, records: Sequence[Mapping[str, Any]]) -> DocumentList:
        """Stores several records and returns them all, each with its id; of one id the last is stored.

        This is atomic up to about 1,900 records or 12 MiB, unless they replace much larger ones. More are split in
        order, each part atomic.
        """
        operation = "PUT_MANY"
        _name(table, operation)
        given = items(records, "records", operation=operation)

        def make(numbered: tuple[int, Any]) -> tuple[Document, Row]:
            return _document(table, numbered[1], f"records[{numbered[0]}]", operation)

        made = await each(make, enumerate(given))
        rows = {row["primaryKey"]: row for _, row in made}
        for batch in batches(rows.values(), touching="table"):
            await in_parts(batch, self._put)  # the replaced rows may be larger than these
        return [document for document, _ in made]

    async def get(self, table: str, *, id: str | int) -> Document | None:
        """Returns the record, or None when there is none."""
        key = [_name(table, "GET"), _primary_key(id, "id", "GET")]
        [row] = (await self._records.read(Get(table=DOCUMENTS.name, keys=[key]))).rows
        return None if row is None else (await each(_stored, [row]))[0]

    async def list(
        self,
        table: str,
        *,
        filter: Mapping[str, Any] | None = None,
        order_by: DocumentOrder = "inserted",
        page: int = 0,
        per_page: PerPage = 100,
        include_total: bool = True,
        cursor: str | None = None,
    ) -> DocumentPage:
        """Lists a page of the records of a table, in one round trip.

        Args:
            table: name of the logical table.
            filter: members that a record must have, deeply equal; keys may be any text. None for all records.
            order_by: `inserted` (the order in which ids were first stored) or `id` (ids as text), with `-` before it
                for the reverse.
            page: number of the page, from 0.
            per_page: records on a page; False for all.
            include_total: False leaves `total` None, so that all records need not be counted.
            cursor: cursor of an earlier page with the same order. The page begins after that one, even if records
                were added or deleted meanwhile. `page` must then be 0.

        Returns:
            The page of records. `total` counts all records that match, also with a cursor.

        Raises:
            ValidationError: an argument is wrong.
        """
        operation = "LIST"
        wanted = page_request(page, per_page, operation=operation)
        if cursor is not None and (page or not cursor or not isinstance(cursor, str)):
            raise ValidationError("cursor must be that of a page, and page 0", operation=operation)
        scan = _scan(table, filter, order_by, operation)
        rows = replace(scan, cursor=cursor, offset=wanted.offset, limit=wanted.limit)
        # The cursor must be that of the last row of the page, so a read of its own finds out if others follow.
        following = replace(rows, offset=wanted.offset + (wanted.limit or 0), limit=1, paths=[["primaryKey"]])
        count = replace(scan, limit=0, total=True)
        reads = [rows, *([] if wanted.limit is None else [following]), *([count] if include_total else [])]
        answers = await self._records.read_all(reads)
        has_more = wanted.limit is not None and bool(answers[1].values)
        return DocumentPage(
            documents=await each(_stored, answers[0].rows),
            cursor=answers[0].cursor if has_more else None,
            **wanted.info(answers[-1].matched if include_total else None, has_more=has_more),
        )

    def watch_documents(
        self,
        table: str,
        *,
        filter: Mapping[str, Any] | None = None,
        order_by: DocumentOrder = "inserted",
        per_page: int = 20,
        give_up_after: float | None = None,
    ) -> AsyncGenerator[DocumentList]:
        """Watches the first records of a table: now, then after each change.

        Args:
            table: name of the logical table.
            filter: members that a record must have, deeply equal; keys may be any text. None for all records.
            order_by: `inserted` or `id`, with `-` before it for the reverse, as in `list`.
            per_page: number of records at most, which must fit one read; each change sends them all.
            give_up_after: seconds without a connection after which the watch fails; None to connect again for ever.

        Yields:
            The documents of the first page of `list`. The newest state always comes; those between may be skipped.

        Raises:
            ValidationError: an argument is wrong.
            TooLargeError: the records, with those that the filter leaves out, do not fit one read.
        """
        operation = "WATCH_DOCUMENTS"
        limit = integer(per_page, "per_page", operation=operation)
        scan = replace(_scan(table, filter, order_by, operation), limit=limit)

        async def documents(found: ScanResult) -> DocumentList:
            return await each(_stored, found.rows)

        return self._records.watch(scan, documents, give_up_after=give_up_after)

    async def delete(self, table: str, *, id: str | int) -> None:
        """Deletes the record; an unknown id is no error."""
        key = [_name(table, "DELETE"), _primary_key(id, "id", "DELETE")]
        await self._records.commit([Delete(table=DOCUMENTS.name, keys=[key])])

    async def clear(self, table: str) -> None:
        """Deletes all records of the table, in bounded steps."""
        records = IndexRange(table=DOCUMENTS.name, index="by_table", prefix=[_name(table, "CLEAR")])
        await self._records.commit([DeleteRange(range=records)], mode="resumable")

    async def _put(self, rows: Sequence[Row]) -> None:
        await self._records.commit([Put(table=DOCUMENTS.name, rows=rows)])


def _name(table: object, operation: str) -> str:
    return text(table, "table", operation=operation)


def _scan(table: object, filter: Mapping[str, Any] | None, order_by: str, operation: str) -> Scan:
    """Returns the scan of the records of a table that match a filter."""
    name, order = order_column(order_by, ("inserted", "id"), operation=operation)
    return Scan(
        table=DOCUMENTS.name,
        index="by_table" if name == "inserted" else "by_table_primary",
        prefixes=[[_name(table, operation)]],
        where=[
            Condition(path=["record", key], operator="eq", value=to_json(value))
            for key, value in mapping({} if filter is None else filter, "filter", operation=operation).items()
        ],
        order=order,
    )


def _primary_key(id: object, name: str, operation: str) -> str:
    """Returns the id as text, as the handler of `@mastra/convex` does."""
    number = as_integer(id)
    return str(number) if number and abs(number) <= MAX_SAFE_INTEGER else text(id, name, operation=operation)


def _document(table: str, record: Mapping[str, Any], name: str, operation: str) -> tuple[Document, Row]:
    checked = json_object(record, name, operation=operation)
    if checked.value.get("id") is None:
        checked = json_object({**checked.value, "id": new_id()}, name, operation=operation)
    primary_key = _primary_key(checked.value["id"], f"{name}.id", operation)
    return checked.value, encode_row(DOCUMENTS, {"table": table, "primaryKey": primary_key, "record": checked})


def _stored(row: Row) -> Document:
    return _Stored.stored(decode_row(DOCUMENTS, row), DOCUMENTS).record
