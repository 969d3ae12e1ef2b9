"""Positions in an index, and the texts that name them for a client."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from mastra_convex.errors import ValidationError
from mastra_convex.rows.keys import field_key
from mastra_convex.rows.values import Row

_SIGN = 1 << 63

Position = tuple[tuple[bytes, ...], int]
"""A position of a row in a scan: its keys after the prefix, then its `_seq`."""


Limit = tuple[str, bytes] | None
"""A bound of an index field: `<`, `<=`, `>` or `>=`, and the key that is compared with."""


def position_of(row: Row, fields: Iterable[str]) -> tuple[bytes, ...]:
    """Returns the keys of index fields of a row."""
    return tuple([field_key(row, name) for name in fields])


def within(key: bytes, low: Limit, high: Limit) -> bool:
    """Tells whether a key is between two bounds."""
    above = low is None or key > low[1] or (key == low[1] and low[0] == ">=")
    below = high is None or key < high[1] or (key == high[1] and high[0] == "<=")
    return above and below


def encode_cursor(position: Position) -> str:
    """Returns the text that names a position for a client."""
    keys, seq = position
    return ".".join([format(seq, "x"), *(base64.urlsafe_b64encode(key).decode() for key in keys)])


def decode_cursor(cursor: str, fields: int) -> Position:
    """Returns the position that a cursor names.

    Raises ValidationError where it is none with so many fields after the prefix.
    """
    seq, *keys = cursor.split(".")
    try:
        position = tuple(base64.urlsafe_b64decode(key) for key in keys), int(seq, 16)
    except (ValueError, binascii.Error):
        raise ValidationError("malformed cursor") from None
    if len(keys) != fields or not all(position[0]) or not -_SIGN <= position[1] < _SIGN:
        raise ValidationError("the cursor belongs to another scan")
    return position
