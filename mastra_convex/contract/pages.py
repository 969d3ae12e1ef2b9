"""Checks pages, orders and date ranges for all lists (docs/contract.md, "Pages", "Order" and "Times")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal, TypedDict, TypeVar

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from mastra_convex.contract.arguments import choice, moment
from mastra_convex.contract.models import Model
from mastra_convex.engine.protocol import Bound, Scan
from mastra_convex.errors import ValidationError
from mastra_convex.rows.explain import shown
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import MAX_SAFE_INTEGER, as_integer

PerPage = int | Literal[False]
"""A page has at most so many items; False means all, 0 none."""

Time = datetime | str
"""A time is a datetime with a time zone, or ISO text with one."""

ItemT = TypeVar("ItemT")


class Answer(Model):
    """Is the base of answers that are no records: they cannot be changed, and in JSON their names are camelCase.

    `model_dump()` has the names of Python; `model_dump(by_alias=True)`, and with it FastAPI, those of JSON.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, serialize_by_alias=False
    )


class Page(Answer):
    """Describes a page of a list; subclasses add its items."""

    total: int | None
    """Counts all items that match the filters; None when the caller passed `include_total=False`."""
    page: int
    """Repeats the number of the page, which counts from 0."""
    per_page: PerPage
    """Repeats the greatest number of items on a page; False means all."""
    has_more: bool
    """Is true when more items follow."""


class PageInfo(TypedDict):
    """Names the fields of `Page`."""

    total: int | None
    page: int
    per_page: PerPage
    has_more: bool


@dataclass(frozen=True)
class PageRequest:
    """Requests a page whose arguments are checked: `offset` rows to skip, `limit` rows to take (None for all)."""

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
        """Returns the scan for this page; without a total it reads one row more, to find out if others follow."""
        limit = self.limit if self.limit is None or include_total else self.limit + 1
        return replace(scan, offset=self.offset, limit=limit, total=bool(include_total))

    def cut(self, rows: Sequence[ItemT], matched: int, *, include_total: bool) -> tuple[Sequence[ItemT], PageInfo]:
        """Returns the rows of the page, from those that `scan` read, and the other fields of the page."""
        if self.per_page is False or self.limit is None:
            has_more = False
        elif include_total:
            has_more = self.offset + self.limit < matched
        else:
            has_more = len(rows) > self.limit
        return rows[: self.limit], self.info(matched if include_total else None, has_more=has_more)

    def info(self, total: int | None, *, has_more: bool) -> PageInfo:
        """Returns the fields of a Page other than its items."""
        return {"total": total, "page": self.page, "per_page": self.per_page, "has_more": has_more}


def page_request(
    page: int, per_page: PerPage, *, operation: str, status: str = "INVALID_PAGE", after_all: bool = False
) -> PageRequest:
    """Checks the two arguments; raises ValidationError `per_page must be >= 0` and others (docs/contract.md, "Pages").

    `status` is the end of the error's id. With `after_all`, a page after the one that has everything
    (`per_page=False`) is empty instead of an error.
    """
    size = False if per_page is False else as_integer(per_page)
    number = as_integer(page)
    problem = None
    if size is None or not 0 <= size <= MAX_SAFE_INTEGER:
        wanted = f"must be >= 0, an integer, or False for all, not {shown(per_page)}"
        problem = f"per_page {wanted} (Mastra: perPage must be >= 0)"
    elif number is None or number < 0:
        problem = f"page must be >= 0, an integer, not {shown(page)}"
    elif size is False and number and not after_all:
        problem = "page must be 0 when per_page is False (Mastra: page must be 0 when perPage is false)"
    elif number * size > MAX_SAFE_INTEGER:
        problem = "page value too large"
    else:
        return PageRequest(number, size)
    details = {"page": page, "per_page": per_page}
    raise ValidationError(problem, operation=operation, status=status, details=details)


def order_column(order_by: str, allowed: tuple[str, ...], *, operation: str) -> tuple[str, Literal["asc", "desc"]]:
    """Splits an `order_by` such as `"-created_at"` into name and direction; raises ValidationError for other text."""
    choices = [f"{sign}{name}" for name in allowed for sign in ("", "-")]
    name = choice(order_by, "order_by", choices, operation=operation).removeprefix("-")
    return name, "desc" if order_by.startswith("-") else "asc"


@dataclass(frozen=True)
class DateRange:
    """Limits a stored time; a bound is inclusive unless it is marked as exclusive."""

    start: Time | None = None
    end: Time | None = None
    start_exclusive: bool = False
    end_exclusive: bool = False

    def bounds(self, *, operation: str) -> tuple[Bound | None, Bound | None]:
        """Returns lower and upper bound for an index; raises ValidationError for times without a time zone."""
        return (
            _bound(self.start, "start", exclusive=self.start_exclusive, operation=operation),
            _bound(self.end, "end", exclusive=self.end_exclusive, operation=operation),
        )


def _bound(value: Time | None, name: str, *, exclusive: bool, operation: str) -> Bound | None:
    if value is None:
        return None
    return Bound(value=to_iso(moment(value, name, operation=operation)), inclusive=not exclusive)
