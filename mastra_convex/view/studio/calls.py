"""A request of Studio's, and the answer to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel

from mastra_convex.contract.pages import Page, PerPage
from mastra_convex.errors import DomainNotRegisteredError, MastraConvexError, ValidationError
from mastra_convex.store import ConvexStore
from mastra_convex.view.studio.catalog import Catalog
from mastra_convex.view.studio.slugs import unslug

_MOST_PER_PAGE: Final = 200


@dataclass(frozen=True)
class Call:
    """Is a request, with the store that it reads.

    Attributes:
        store: the store.
        catalog: what the store has, as every page of Studio asks.
        request: the request.
    """

    store: ConvexStore
    catalog: Catalog
    request: web.Request

    def id(self, name: str) -> str:
        """Returns the id in the path."""
        return _checked(unslug(self.request.match_info[name]), name)

    def optional_id(self, name: str) -> str | None:
        """Returns the id in the query, or None when none is given."""
        part = self.request.query.get(name)
        return _checked(unslug(part), name) if part else None

    def text(self, name: str) -> str | None:
        """Returns a parameter, or None when it is missing or empty."""
        return self.request.query.get(name) or None

    def number(self, name: str, default: int) -> int:
        """Returns a parameter that counts. Raises ValidationError for what is no number from 0."""
        text = self.request.query.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit():
            raise ValidationError(f"{name} must be a number from 0, not {text!r}")
        return int(text)

    def page(self, per_page: int) -> tuple[int, int]:
        """Returns the page that is asked for, and how many items it has at most."""
        return self.number("page", 0), min(self.number("perPage", per_page), _MOST_PER_PAGE)

    async def body(self) -> dict[str, Any]:
        """Returns the JSON object of a POST. Raises ValidationError for another body."""
        try:
            value = orjson.loads(await self.request.read())
        except orjson.JSONDecodeError as error:
            raise ValidationError(f"the body must be JSON: {error}") from error
        if not isinstance(value, dict):
            raise ValidationError("the body must be a JSON object")
        return value


Handler = Callable[[Call], Awaitable[Any]]
"""Returns the answer, JSON with records in it, or None when there is no such thing."""


async def respond(handler: Handler, call: Call) -> web.Response:
    """Answers a call; errors are JSON too, as Studio shows their text."""
    try:
        answer = await handler(call)
    except DomainNotRegisteredError:
        return refusal(404, "not found")
    except ValidationError as error:
        return refusal(400, error.message)
    except RecursionError:
        return refusal(400, "the body is nested too deeply")
    except MastraConvexError as error:
        return refusal(500, error.message)
    if answer is None:
        return refusal(404, "not found")
    return _json(await asyncio.to_thread(_bytes, answer))  # it may be large


def refusal(status: int, problem: str) -> web.Response:
    """Returns the answer to what is not answered."""
    return _json(_bytes({"error": problem}), status)


def members(record: BaseModel) -> dict[str, Any]:
    """Returns the members of a record in Mastra's spelling, without those that are None."""
    return {name: value for name, value in record.model_dump(by_alias=True).items() if value is not None}


def page_info(page: Page, count: int) -> Mapping[str, int | PerPage]:
    """Returns the figures of a page of `count` items. The total is what is known without counting the rest."""
    start = 0 if page.per_page is False else page.page * page.per_page
    known = start + count + page.has_more
    total = known if page.total is None else page.total
    return {"total": total, "page": page.page, "perPage": page.per_page, "hasMore": page.has_more}


def _checked(id: str | None, name: str) -> str:
    if id is None or not id.strip():
        raise ValidationError(f"{name} is no id")
    return id


def _bytes(answer: Any) -> bytes:
    return orjson.dumps(answer, default=_mapping, option=orjson.OPT_UTC_Z)


def _mapping(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
