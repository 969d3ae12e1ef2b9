"""Makes items of parts and the whole foreign value, and reads that value back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from mastra_convex import to_jsonable
from mastra_convex.adapters.projection.parts import PartDict, data
from mastra_convex.contract.items import ItemRole, NewItem, ToolResult
from mastra_convex.domain import check_at_once, clean, new_id
from mastra_convex.errors import ValidationError

_LONG_INTEGER: Final = re.compile(r"[0-9]{19}")
"""Integers of so many digits become floats in orjson."""

_SIXTHS_OF_IT: Final = re.compile(r"[0-9]{3}")
"""Every sixth character of a text has this where the text has a long integer. It is searched in a sixth of the time."""

_SHOWN_LEVELS: Final = 100
"""Levels of containers that are shown as such; deeper ones are shown as JSON text."""

_LEVELS_AROUND: Final = 4
"""Levels of the content that are around a part, or around the outcome of a call."""


def new_item(
    item: Any,
    role: ItemRole,
    parts: Iterable[PartDict | ToolResult],
    *,
    name: str,
    id: str | None = None,
    created_at: datetime | None = None,
    keeps_item: bool = True,
    shows_parts: bool = True,
) -> NewItem:
    """Makes the message of a foreign item.

    What JavaScript would change or Mastra cannot store is shown as text; the item itself is kept unchanged.

    Args:
        item: the whole item, a JSON value.
        role: who speaks.
        parts: what Mastra shows of it.
        name: name of the `data-` part of an item that shows nothing.
        id: id of the message; a new UUID by default.
        created_at: earliest time of the message; now by default.
        keeps_item: False stores the parts alone. Then the item does not reach a browser, and is read back from its
            parts, which is not exact.
        shows_parts: False shows nothing of the item, in user interfaces and prompts.

    Returns:
        The item for `ItemLog.append`.

    Raises:
        ValidationError: the item is no JSON value.
    """
    shown = [_showable(part, name) for part in parts] if shows_parts else []
    return NewItem(
        role=role if shown else "system",
        parts=shown or [data(name, {})],
        item=item_text(item) if keeps_item else None,
        id=id or new_id(),
        created_at=created_at,
    )


def item_text(item: Any) -> str:
    """Returns the JSON text of a foreign item; `item_of` gives the very item back. ValidationError if it is no JSON."""
    try:
        found = _text(item, ascii_only=False)
        if not found.isascii():
            found.encode()
    except UnicodeEncodeError:  # a lone surrogate, which is JSON but no UTF-8
        return _text(item, ascii_only=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"an item must be a JSON value: {error}", operation="APPEND_ITEMS") from error
    return found


def item_of(text: str) -> Any:
    """Returns the foreign item of its JSON text. ValueError when the text is none."""
    try:
        return json.loads(text) if _has_long_integer(text) else orjson.loads(text)
    except ValueError:
        return json.loads(text)


def items_of(texts: Sequence[str]) -> list[Any]:
    """Returns the foreign items of JSON texts, without those whose text is none."""
    whole = f"[{','.join(texts)}]"
    check_at_once(len(whole))
    if not _has_long_integer(whole):
        try:
            found: list[Any] = orjson.loads(whole)
        except ValueError:
            pass
        else:
            if len(found) == len(texts):
                return found
    found = []
    for text in texts:
        try:
            found.append(item_of(text))
        except ValueError:  # it is damaged, and hides no other item
            continue
    return found


def _has_long_integer(text: str) -> bool:
    return _SIXTHS_OF_IT.search(text[::6]) is not None and _LONG_INTEGER.search(text) is not None


def _text(item: Any, *, ascii_only: bool) -> str:
    return json.dumps(item, ensure_ascii=ascii_only, separators=(",", ":"), allow_nan=False)


def _showable(part: PartDict | ToolResult, name: str) -> PartDict | ToolResult:
    """Returns a part as both languages read it alike."""
    if isinstance(part, ToolResult):
        outcome = _readable(part.outcome)
        if outcome is None:
            outcome = {"state": "result", "result": item_text(dict(part.outcome))}
        return ToolResult(call_id=part.call_id, outcome=outcome, tool_name=part.tool_name)
    found = _readable(part)
    return data(name, {"text": item_text(part)}) if found is None else found


def _readable(value: Any) -> dict[str, Any] | None:
    """Returns an object as both languages read it alike; None where that would join two members."""
    texts = (*value, *value.values())
    if set(map(type, texts)) == {str} and all(map(str.isascii, texts)):  # most parts
        return dict(value)
    around: Any = dict(value)
    for _ in range(_LEVELS_AROUND):
        around = [around]
    try:
        found = clean(around, "parts")
    except ValidationError:
        try:
            found = to_jsonable(_flat(around, _SHOWN_LEVELS))
        except ValidationError:
            return None
    for _ in range(_LEVELS_AROUND):
        found = found[0]
    members: dict[str, Any] = found
    return members


def _flat(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return _text(value, ascii_only=True)
    if isinstance(value, list):
        return [_flat(item, levels - 1) for item in value]
    return {key: _flat(item, levels - 1) for key, item in value.items()}
