"""Reads and prints entries of transcripts: any JSON, kept as text so that it comes back as it was. Internal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mastra_convex.domain import Row, encode_row, new_id, text_column
from mastra_convex.errors import ValidationError, damaged_row

from .tables import ENTRIES


@dataclass(frozen=True, slots=True)
class Entry:
    """Holds an entry that is to be stored: its id, which is that of its `uuid` if it has one, its value and text."""

    id: str
    has_uuid: bool
    value: Mapping[str, Any]
    text: str

    @classmethod
    def of(cls, value: object, name: str, *, operation: str) -> Entry:
        """Checks an entry; ValidationError naming the parameter when it is no JSON object."""
        if not isinstance(value, Mapping):
            raise ValidationError(f"{name} must be a mapping, not {type(value).__name__}", operation=operation)
        uuid = value.get("uuid")
        has_uuid = isinstance(uuid, str) and bool(uuid)
        text = json_text(dict(value), name, operation=operation)
        return cls(str(uuid) if has_uuid else new_id(), has_uuid, value, text)

    def row(self, session: str, subpath: str, *, position: int) -> Row:
        """Returns its row in a transcript."""
        columns = {"session": session, "subpath": subpath, "entryId": self.id, "position": position, "entry": self.text}
        return encode_row(ENTRIES, columns)


def entry_of(row: Row) -> dict[str, Any]:
    """Returns the entry of a row."""
    try:
        entry: dict[str, Any] = json.loads(text_column(ENTRIES, row, "entry"))
    except ValueError as error:
        raise damaged_row(ENTRIES.name, ENTRIES.key_of(row), "its entry is no JSON") from error
    return entry


def json_text(value: object, name: str, *, operation: str) -> str:
    """Returns compact JSON text, with integers of any size and lone surrogates.

    ValidationError for what is no JSON, or would come back different.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            text.encode()
        except UnicodeEncodeError:  # a lone surrogate, which only an escape can express
            text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        comes_back = json.loads(text) == value
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(f"{name} is no JSON value: {error}", operation=operation) from error
    if not comes_back:
        raise ValidationError(f"{name} would come back different; keys must be text, arrays lists", operation=operation)
    return text
