"""Pagination, ordering and date ranges as all lists take them (docs/contract.md, "Pages", "Order" and "Times")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal, TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict

from mastra_convex.contract.arguments import moment
from mastra_convex.engine.protocol import Bound, Scan
from mastra_convex.errors import ValidationError
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import MAX_SAFE_INTEGER

PerPage = int | Literal[False]
"""Items on a page; False means all, 0 none."""

ItemT = TypeVar("ItemT")


class Page(BaseModel):
    """What every list answers beside its items.

    `total` counts all that match the filter; None when the caller passed `include_total=False`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    total: int | None
    page: int
    per_page: PerPage
    has_more: bool


class PageInfo(TypedDict):
    """The members of `Page`."""

    total: int | None
    page: int
    per_page: PerPage
    has_more: bool


@dataclass(frozen=True)
class PageRequest:
    """A checked page: `offset` rows to skip, `limit` rows to take (None: all)."""

    page: int
    per_page: PerPage

    @property
    def offset(self) -> int:
        return 0 if self.per_page is False else self.page * self.per_page

    @property
    def limit(self) -> int | None:
        if self.per_page is False:
            return 0 if self.page else None  # everything is on the first page
        return self.per_page

    def scan(self, scan: Scan, *, include_total: bool) -> Scan:
        """The scan for this page: without a total, one row more is read, which tells whether others follow."""
        limit = self.limit if self.limit is None or include_total else self.limit + 1
        return replace(scan, offset=self.offset, limit=limit, total=bool(include_total))

    def cut(self, rows: Sequence[ItemT], matched: int, *, include_total: bool) -> tuple[Sequence[ItemT], PageInfo]:
        """The rows of the page, of what `scan` gave, and what is said about it."""
        if self.per_page is False or self.limit is None:
            has_more = False
        elif include_total:
            has_more = self.offset + self.limit < matched
        else:
            has_more = len(rows) > self.limit
        return rows[: self.limit], self.info(matched if include_total else None, has_more=has_more)

    def info(self, total: int | None, *, has_more: bool) -> PageInfo:
        """The members of a Page beside its items."""
        return {"total": total, "page": self.page, "per_page": self.per_page, "has_more": has_more}


def page_request(
    page: int, per_page: PerPage, *, operation: str, status: str = "INVALID_PAGE", after_all: bool = False
) -> PageRequest:
    """Checks the two arguments; ValidationError `per_page must be >= 0` and the like (docs/contract.md, "Pages").

    `status` is the end of the error's id. `after_all`: a later page than the one with everything (`per_page=False`) is
    no error but empty.
    """
    if per_page is not False and (type(per_page) is not int or not 0 <= per_page <= MAX_SAFE_INTEGER):
        raise _invalid("per_page must be >= 0, an integer, or False for all", operation, status, page, per_page)
    if type(page) is not int or page < 0:
        raise _invalid("page must be >= 0, an integer", operation, status, page, per_page)
    if per_page is False and page and not after_all:
        raise _invalid("page must be 0 when per_page is False", operation, status, page, per_page)
    if page * per_page > MAX_SAFE_INTEGER:
        raise _invalid("page value too large", operation, status, page, per_page)
    return PageRequest(page, per_page)


def _invalid(message: str, operation: str, status: str, page: object, per_page: object) -> ValidationError:
    details = {"page": page, "per_page": per_page}
    return ValidationError(message, operation=operation, status=status, details=details)


def order_column(order_by: str, allowed: tuple[str, ...], *, operation: str) -> tuple[str, Literal["asc", "desc"]]:
    """The attribute and direction of an `order_by` such as `"-created_at"`; ValidationError for any other text."""
    name = order_by.removeprefix("-") if isinstance(order_by, str) else ""
    if name not in allowed:
        choices = ", ".join(f'"{name}", "-{name}"' for name in allowed)
        raise ValidationError(f"order_by must be one of {choices}, not {order_by!r}", operation=operation)
    return name, "desc" if order_by.startswith("-") else "asc"


@dataclass(frozen=True)
class DateRange:
    """Bounds on a stored time; inclusive unless said otherwise."""

    start: datetime | None = None
    end: datetime | None = None
    start_exclusive: bool = False
    end_exclusive: bool = False

    def bounds(self, *, operation: str) -> tuple[Bound | None, Bound | None]:
        """Lower and upper bound for an index; ValidationError for naive datetimes."""
        return (
            _bound(self.start, "start", exclusive=self.start_exclusive, operation=operation),
            _bound(self.end, "end", exclusive=self.end_exclusive, operation=operation),
        )


def _bound(value: datetime | None, name: str, *, exclusive: bool, operation: str) -> Bound | None:
    if value is None:
        return None
    return Bound(value=to_iso(moment(value, name, operation=operation)), inclusive=not exclusive)
