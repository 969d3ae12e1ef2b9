"""Index keys as bytes whose order is Convex's order of values."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

from mastra_convex.errors import ValidationError
from mastra_convex.rows.values import Row

Scalar = str | int | float | bool | None
Key = Sequence[Scalar]
"""A key has the values of the key fields of a table, in index order."""

# missing < null < numbers < false < true < strings < arrays < objects. The end mark of a list is below them all.
_END = b"\x00"
MISSING_KEY = b"\x01"
_NULL = b"\x02"
_NUMBER = b"\x03"
_FALSE = b"\x04"
_TRUE = b"\x05"
_STRING = b"\x06"
ARRAY_KEY = b"\x07"
_OBJECT = b"\x08"

_SIGN = 1 << 63
_ALL = (1 << 64) - 1
_DOUBLE = struct.Struct(">d")
_BITS = struct.Struct(">Q")


def encode_key(value: Any) -> bytes:
    """Returns the bytes of one index field.

    Raises ValidationError for text that is not valid UTF-8 and for numbers that are not finite.
    """
    if isinstance(value, str):
        return _STRING + (value.encode() if value.isascii() else _utf8(value))
    if value is None:
        return _NULL
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if isinstance(value, int | float):
        return _NUMBER + _number(float(value))
    return _nested(value)


def decode_key(key: bytes) -> Scalar:
    """Returns the value of one index field from its bytes. Raises ValueError where they are those of no scalar."""
    kind, rest = key[:1], key[1:]
    if kind == _STRING:
        return rest.decode()
    if kind == _NUMBER and len(rest) == _BITS.size:
        (bits,) = _BITS.unpack(rest)
        (number,) = _DOUBLE.unpack(_BITS.pack(bits ^ (_SIGN if bits & _SIGN else _ALL)))
        return int(number) if number.is_integer() else float(number)
    simple: dict[bytes, Scalar] = {_NULL: None, _FALSE: False, _TRUE: True}
    if key not in simple:
        raise ValueError("the key of no scalar")
    return simple[key]


def _nested(value: Any) -> bytes:
    """Returns the bytes of a value inside an array or object. Text ends with 00 00 there, and has 00 FF for a zero."""
    if isinstance(value, str):
        return _STRING + _utf8(value).replace(b"\x00", b"\x00\xff") + b"\x00\x00"
    if isinstance(value, list | tuple):
        items: Sequence[Any] = value
        return ARRAY_KEY + b"".join(map(_nested, items)) + _END
    if isinstance(value, dict):
        members: dict[str, Any] = value
        return _OBJECT + b"".join(_nested(key) + _nested(members[key]) for key in sorted(members)) + _END
    return encode_key(value)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValidationError("text contains a lone surrogate") from None


def _number(value: float) -> bytes:
    if not math.isfinite(value):
        raise ValidationError("a number must be finite")
    (bits,) = _BITS.unpack(_DOUBLE.pack(value + 0.0))  # -0.0 becomes 0.0
    return _BITS.pack(bits ^ (_ALL if bits & _SIGN else _SIGN))


def field_key(row: Row, field: str) -> bytes:
    """Returns the bytes of one index field of a row; the field may lie inside an object column."""
    value: Any = row
    for name in field.split("."):
        if not isinstance(value, dict) or name not in value:
            return MISSING_KEY
        value = value[name]
    return encode_key(value)
