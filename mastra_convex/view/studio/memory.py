"""Threads, messages and working memory, as Studio asks for them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from mastra_convex.errors import ValidationError
from mastra_convex.view.studio.agents import resource_of
from mastra_convex.view.studio.calls import Call, page_info
from mastra_convex.view.studio.slugs import slug

_THREADS: Final = 100
_MESSAGES: Final = 40
_ORDERS: Final = {"createdAt": "created_at", "updatedAt": "updated_at"}


async def get_status(call: Call) -> dict[str, Any]:
    """Says that there is memory; else Studio asks for no threads."""
    return {"result": True, "memoryType": "local"}


async def get_config(call: Call) -> dict[str, Any]:
    """Says what Studio may show: working memory, and the search, which `semanticRecall` stands for."""
    working_memory = {"enabled": True, "scope": "resource"}
    config = {"lastMessages": 10, "semanticRecall": True, "workingMemory": working_memory}
    return {"memoryType": "local", "config": config}


async def list_threads(call: Call) -> dict[str, Any]:
    """Returns a page of the threads of an agent, which is a resource."""
    page, per_page = call.page(_THREADS)
    found = await call.store.memory.list_threads(
        resource_id=resource_of(call),
        page=page,
        per_page=per_page,
        include_total=False,
        order_by=_order(call, "-created_at"),
    )
    return {"threads": [thread_members(thread) for thread in found.threads], **page_info(found, len(found.threads))}


async def get_thread(call: Call) -> dict[str, Any] | None:
    """Returns a thread."""
    thread = await call.store.memory.get_thread_by_id(call.id("thread"))
    return None if thread is None else thread_members(thread)


async def list_messages(call: Call) -> dict[str, Any]:
    """Returns a page of the messages of a thread in the order asked for; those above are the next page."""
    thread = call.id("thread")
    page, per_page = call.page(_MESSAGES)
    order = _order(call, "created_at")
    if order not in ("created_at", "-created_at"):
        raise ValidationError("messages are ordered by createdAt")
    found = await call.store.memory.list_messages(
        thread, page=page, per_page=per_page, include_total=False, order_by=order
    )
    messages = [message_members(message) for message in found.messages]
    return {"messages": messages, "uiMessages": None, **page_info(found, len(messages))}


async def get_working_memory(call: Call) -> dict[str, Any]:
    """Returns the working memory of the resource of a thread, or that of the thread where it has one of its own."""
    thread = await call.store.memory.get_thread_by_id(call.id("thread"))
    own = None if thread is None else thread.metadata.get("workingMemory")
    resource = None if thread is None or not thread.resource_id else thread.resource_id
    shared = None if resource is None else await call.store.memory.get_resource_by_id(resource)
    text = None if shared is None else shared.working_memory
    is_own = text is None and isinstance(own, str)
    return {
        "workingMemory": own if is_own else text,
        "source": "thread" if is_own else "resource",
        "workingMemoryTemplate": None,
        "threadExists": thread is not None,
    }


def thread_members(thread: Any) -> dict[str, Any]:
    """Returns a thread with its id as paths have it."""
    return {**thread.model_dump(by_alias=True), "id": slug(thread.id)}


def message_members(message: Any) -> dict[str, Any]:
    """Returns a message, whose thread is named as paths have it."""
    return {**message.model_dump(by_alias=True), "threadId": slug(message.thread_id)}


def _order(call: Call, default: str) -> Any:
    """Returns the order of `orderBy`, `{"field": ..., "direction": ...}` as JSON or as two parameters."""
    field, direction = call.text("orderBy[field]"), call.text("orderBy[direction]")
    if (given := call.text("orderBy")) is not None:
        try:
            order = orjson.loads(given)
        except orjson.JSONDecodeError as error:
            raise ValidationError("orderBy must be JSON") from error
        if not isinstance(order, dict):
            raise ValidationError("orderBy must be an object")
        field, direction = order.get("field"), order.get("direction")
    if field is None:
        return default
    if field not in _ORDERS or direction not in ("ASC", "DESC", None):
        raise ValidationError(f"orderBy must have a field of {', '.join(_ORDERS)} and the direction ASC or DESC")
    return ("" if direction == "ASC" else "-") + _ORDERS[field]
