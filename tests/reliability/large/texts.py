"""Texts of a given size in bytes, the same each time."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from functools import lru_cache

MIB = 1 << 20


def _characters(alphabet: str) -> Callable[[int], str]:
    width = len(alphabet[0].encode())

    def text(size: int, seed: int = 0) -> str:
        return "".join(random.Random(seed).choices(alphabet, k=size // width))

    return text


@lru_cache(maxsize=16)
def attachment_text(size: int, seed: int = 0) -> str:
    """Base64 of random bytes, as images and PDFs are."""
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()


TEXTS: dict[str, Callable[[int], str]] = {
    "base64": attachment_text,
    "letters": _characters("abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.,\n"),
    "every ASCII character": _characters("".join(map(chr, range(128)))),
    "control characters": _characters("".join(map(chr, range(32)))),
    "quotes and backslashes": _characters('\\"'),
    "CJK": _characters("".join(map(chr, range(0x4E00, 0x9FA5)))),
    "4-byte characters": _characters("".join(map(chr, range(0x1F300, 0x1F64F)))),
    "one character": lambda size: "x" * size,
}
