"""The chunks of a large value: deflated JSON text in base64, cut to what a document holds.

Base64 is the same length in whatever it is sent, so what fits a call can be told from the chunks alone; deflating makes
up for what it adds, also where the value is base64 already, as attachments are.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Any, Final

import orjson

MAX_LARGE_BYTES: Final = 128 << 20
"""Most bytes of the JSON text of one value."""

CHUNK_CHARACTERS: Final = 1_000_000
"""Characters of base64 in a chunk, a multiple of 4; a document of Convex holds 1 MiB."""

_LEVEL: Final = 1
"""The fastest: attachments do not get smaller than by their base64 anyway."""


def packed(text: bytes) -> list[str]:
    """The chunks of a value, given by its JSON text."""
    data = base64.b64encode(zlib.compress(text, _LEVEL)).decode()
    return [data[start : start + CHUNK_CHARACTERS] for start in range(0, len(data), CHUNK_CHARACTERS)]


def unpacked(chunks: Sequence[str], size: int) -> Any:
    """The value. Raises ValueError when the chunks are not all of its own, or are not what was stored."""
    try:
        inflating = zlib.decompressobj()
        text = inflating.decompress(base64.b64decode("".join(chunks), validate=True), size + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"no chunks of a value: {error}") from None
    if len(text) != size or not inflating.eof:
        raise ValueError("the chunks of a value are incomplete")
    return orjson.loads(text)
