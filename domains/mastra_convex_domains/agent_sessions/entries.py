"""Reads and prints entries of transcripts: any JSON, kept as text so that it comes back as it was. Internal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mastra_convex.domain import new_id
from mastra_convex.errors import ValidationError


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that is to be stored: its id, which is that of its `uuid` where it has one, its value and its text."""

    id: str
    has_uuid: bool
    value: Mapping[str, Any]
    text: str


def parsed(entry: object, name: str, *, operation: str) -> Entry:
    """Returns an entry with its JSON text; ValidationError naming the parameter when it is no JSON object."""
    if not isinstance(entry, Mapping):
        raise ValidationError(f"{name} must be a mapping, not {type(entry).__name__}", operation=operation)
    uuid = entry.get("uuid")
    has_uuid = isinstance(uuid, str) and bool(uuid)
    return Entry(str(uuid) if has_uuid else new_id(), has_uuid, entry, to_text(dict(entry), name, operation=operation))


def to_text(value: object, name: str, *, operation: str) -> str:
    """Returns compact JSON text, with integers of any size and lone surrogates; ValidationError for other values."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            text.encode()
        except UnicodeEncodeError:  # a lone surrogate, which only an escape can express
            text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"{name} is no JSON value: {error}", operation=operation) from error
    return text
