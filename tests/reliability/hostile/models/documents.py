from __future__ import annotations

from typing import Any

from .lists import Row, has_pairs, page_of


class DocumentsModel:
    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {}

    def put(self, table: str, record: Row) -> Row:
        self.tables.setdefault(table, {})[str(record["id"])] = record
        return record

    def put_many(self, table: str, records: list[Row]) -> list[Row]:
        return [self.put(table, record) for record in records]

    def get(self, table: str, id: str | int) -> Row | None:
        return self.tables.get(table, {}).get(str(id))

    def list(self, table: str, filter: Row | None = None, order_by: str = "inserted", **page: Any) -> Row:
        rows = list(self.tables.get(table, {}).items())
        if order_by.endswith("id"):
            rows.sort()
        if order_by.startswith("-"):
            rows.reverse()
        found = page_of("documents", [row for _, row in rows if has_pairs(row, filter)], **page)
        return {**found, "cursor": "(cursor)" if found["has_more"] and found["documents"] else None}

    def delete(self, table: str, id: str | int) -> None:
        self.tables.get(table, {}).pop(str(id), None)

    def clear(self, table: str) -> None:
        self.tables.pop(table, None)
