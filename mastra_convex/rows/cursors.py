"""Positions in an index, and the texts that name them for a client."""

from __future__ import annotations

import base64
import binascii

from mastra_convex.errors import ValidationError

_SIGN = 1 << 63

Position = tuple[tuple[bytes, ...], int]
"""A position of a row in a scan: its keys after the prefix, then its `_seq`."""


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
