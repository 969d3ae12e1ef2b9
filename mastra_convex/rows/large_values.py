"""References, which stand in rows for values that are kept in chunks (docs/protocol.md, Large values).

A reference is a text that explains itself to people who read the row without this package. A text is replaced by the
reference itself, an object or an array by one that holds the reference, so that the type of the value stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mastra_convex.rows.values import plain_numbers

MARK: Final = "__mastra_large"
"""A reference begins with this mark, and it is the key of an object that holds a reference."""

_BEGINNING: Final = f"{MARK}:"
_REFERENCE: Final = re.compile(rf"{_BEGINNING}([0-9a-f]{{32}}):([0-9]{{1,6}}):([0-9]{{1,12}}) \([^)]*\)")
_GENERATION: Final = re.compile(rb"__mastra_large:([0-9a-f]{32}):")


@dataclass(frozen=True)
class Reference:
    """Names a value by its generation, with the number of its chunks and the bytes of its JSON text."""

    generation: str
    chunks: int
    size: int

    def __str__(self) -> str:
        meaning = f"a value of {self.size} bytes that mastra_convex keeps in the table mastra_chunks"
        return f"{_BEGINNING}{self.generation}:{self.chunks}:{self.size} ({meaning})"

    def in_place_of(self, value: Any) -> Any:
        """Returns what stands for a value: a text for a text, an object or an array for one. Others are never large."""
        if isinstance(value, str):
            return str(self)
        return [{MARK: str(self)}] if isinstance(value, list) else {MARK: str(self)}


def reference(value: Any) -> Reference | None:
    """Returns the reference that stands in place of a value, None where the value is what it is."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        value = value.get(MARK) if len(value) == 1 else None
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) and value.startswith(_BEGINNING) else None
    return None if found is None else Reference(found[1], int(found[2]), int(found[3]))


def may_refer(text: str) -> bool:
    """Tells whether there may be a reference in a text, or in a value of which it is the JSON text."""
    return _BEGINNING in text


def generations(text: bytes) -> set[str]:
    """Returns the generations that a JSON text refers to, in JSON text inside it too."""
    return {found.decode() for found in _GENERATION.findall(text)} if MARK.encode() in text else set()


def owner_of(table: str, key: Sequence[Any]) -> str:
    """Returns the name of a row as the owner of a large value, with numbers as JavaScript prints them."""
    return orjson.dumps([table, *plain_numbers([*key])]).decode()
