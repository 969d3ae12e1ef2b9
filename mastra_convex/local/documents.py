"""A row as it lies in SQLite: its JSON, and each column of floats beside it as little-endian float32.

Such a column is read back as the exact values of the float32 numbers, as Python floats. Convex keeps doubles: whoever
wants equal answers of both rounds to float32 before writing.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from mastra_convex.engine.protocol import Row
from mastra_convex.errors import ValidationError

FLOAT_BYTES = 4
_CHARGED_BYTES = 9
"""What Convex counts for a number."""


class Stored(NamedTuple):
    seq: int
    doc: bytes
    vectors: tuple[tuple[str, bytes], ...] = ()

    @property
    def size(self) -> int:
        """The bytes that budgets are charged with."""
        return len(self.doc) + sum(charged(vector) for _, vector in self.vectors)

    def columns(self) -> Row:
        """The row as it was put, with numbers of vectors as float32 has them."""
        row: Row = orjson.loads(self.doc)
        for name, vector in self.vectors:
            row[name] = unpack(vector)
        return row

    def row(self) -> Row:
        """The row as reads return it."""
        row = self.columns()
        row["_creationTime"] = self.seq
        return row

    def fingerprint(self) -> str:
        digest = hashlib.blake2b(self.doc, digest_size=16)
        for _, vector in self.vectors:
            digest.update(vector)
        return f"{self.seq:x}.{digest.hexdigest()}"


def charged(vector: bytes) -> int:
    return len(vector) // FLOAT_BYTES * _CHARGED_BYTES


def pack(values: Sequence[Any], column: str) -> bytes:
    """The float32 numbers nearest to the values. ValidationError for one that float32 does not hold."""
    try:
        packed = struct.pack(f"<{len(values)}f", *values)
    except (struct.error, OverflowError):
        packed = None
    if packed is None or not math.isfinite(sum(values)):
        raise ValidationError(f"{column} must have finite numbers of float32 only", details={"path": column})
    return packed


def unpack(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // FLOAT_BYTES}f", vector))
