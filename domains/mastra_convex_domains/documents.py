"""Documents: records of any logical table, kept in the table `mastra_documents` (docs/contract.md, "Documents").

The handler of `@mastra/convex` puts every record there whose table has no Convex table of its own. A domain whose
tables are not deployed can live there too: `Table(..., stored_in=DOCUMENTS)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from mastra_convex.contract.arguments import items, json_object, mapping, text
from mastra_convex.contract.models import Record, StoredObject, new_id
from mastra_convex.contract.pages import Page, PerPage, order_column, page_request
from mastra_convex.domain import DomainStore, register
from mastra_convex.engine.client import batches, in_parts
from mastra_convex.engine.protocol import Delete, DeleteRange, Get, IndexRange, Put, Scan
from mastra_convex.errors import ValidationError
from mastra_convex.rows.codec import decode_row, encode_row
from mastra_convex.rows.conditions import Condition
from mastra_convex.rows.values import Row, to_json
from mastra_convex.tables import Field, Index, Table

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
"""One row per record: the logical table's name, the record's id as text, the record."""

Document = dict[str, Any]
"""A record with an `id` (text, or a whole number other than 0); nothing in it is renamed."""

DocumentList = list[Document]
DocumentOrder = Literal["inserted", "-inserted", "id", "-id"]


class DocumentPage(Page):
    """`cursor` goes on after the last document of the page; None when no document follows, or the page has none."""

    documents: DocumentList
    cursor: str | None


class _Stored(Record):
    """A row; where the record of another writer is no object, what `StoredObject` makes of it."""

    record: StoredObject


@register
class DocumentsStore(DomainStore):
    """Records of any shape, by the name of a logical table and their `id`."""

    name: ClassVar[str] = "documents"
    tables: ClassVar[tuple[Table, ...]] = (DOCUMENTS,)

    async def put(self, table: str, *, record: Mapping[str, Any]) -> Document:
        """Stores a record under its `id` (a new one when it has none), in place of the one there; returns it."""
        document, row = _document(_name(table, "PUT"), record, "record", "PUT")
        await self._put([row])
        return document

    async def put_many(self, table: str, *, records: Sequence[Mapping[str, Any]]) -> DocumentList:
        """Stores several records, the last of one id winning; returns them all, each with its id.

        Atomic up to some 1,900 records or 12 MiB, where they do not replace much larger ones; more are split in order,
        each part atomic.
        """
        operation = "PUT_MANY"
        _name(table, operation)
        given = items(records, "records", operation=operation)
        made = [_document(table, record, f"records[{n}]", operation) for n, record in enumerate(given)]
        rows = {row["primaryKey"]: row for _, row in made}
        for batch in batches(rows.values(), touching="table"):
            await in_parts(batch, self._put)  # the rows that they replace may be larger
        return [document for document, _ in made]

    async def get(self, table: str, *, id: str | int) -> Document | None:
        """The record, or None when there is none."""
        key = [_name(table, "GET"), _primary_key(id, "id", "GET")]
        [row] = (await self._records.read(Get(table=DOCUMENTS.name, keys=[key]))).rows
        return None if row is None else _stored(row)

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
        """A page of the records of a table whose members equal all those of `filter` (deep JSON equality).

        `inserted` is the order in which ids were first stored, `id` that of the ids as text. With a `cursor` of an
        earlier page, of the same order, the page begins after that one, whatever came or went meanwhile; `total` still
        counts all. One round trip.
        """
        operation = "LIST"
        wanted = page_request(page, per_page, operation=operation)
        if cursor is not None and (page or not cursor or not isinstance(cursor, str)):
            raise ValidationError("cursor must be that of a page, and page 0", operation=operation)
        name, order = order_column(order_by, ("inserted", "id"), operation=operation)
        scan = Scan(
            table=DOCUMENTS.name,
            index="by_table" if name == "inserted" else "by_table_primary",
            prefixes=[[_name(table, operation)]],
            where=[
                Condition(path=["record", key], operator="eq", value=to_json(value))
                for key, value in mapping({} if filter is None else filter, "filter", operation=operation).items()
            ],
            order=order,
        )
        rows = replace(scan, cursor=cursor, offset=wanted.offset, limit=wanted.limit)
        # The cursor must be that of the last row of the page, so whether others follow is asked beside it.
        following = replace(rows, offset=wanted.offset + (wanted.limit or 0), limit=1, paths=[["primaryKey"]])
        count = replace(scan, limit=0, total=True)
        reads = [rows, *([] if wanted.limit is None else [following]), *([count] if include_total else [])]
        answers = await self._records.read_all(reads)
        has_more = wanted.limit is not None and bool(answers[1].values)
        return DocumentPage(
            documents=[_stored(row) for row in answers[0].rows],
            cursor=answers[0].cursor if has_more else None,
            **wanted.info(answers[-1].matched if include_total else None, has_more=has_more),
        )

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


def _primary_key(id: object, name: str, operation: str) -> str:
    """The id as the stock handler makes text of it."""
    return str(id) if type(id) is int and id else text(id, name, operation=operation)


def _document(table: str, record: Mapping[str, Any], name: str, operation: str) -> tuple[Document, Row]:
    checked = json_object(record, name, operation=operation)
    if checked.value.get("id") is None:
        checked = json_object({**checked.value, "id": new_id()}, name, operation=operation)
    primary_key = _primary_key(checked.value["id"], f"{name}.id", operation)
    return checked.value, encode_row(DOCUMENTS, {"table": table, "primaryKey": primary_key, "record": checked})


def _stored(row: Row) -> Document:
    return _Stored.stored(decode_row(DOCUMENTS, row)).record
