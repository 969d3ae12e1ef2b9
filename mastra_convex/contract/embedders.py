"""Turns texts into vectors: the protocol, and an embedder without a model for demos and tests."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol
from zlib import crc32

from mastra_convex.contract.arguments import integer, items

_WORD = re.compile(r"\w+")
_LENGTHS = (3, 4)
"""Parts of a word have so many letters."""

_GRAM_WEIGHT = 0.4
"""The weight of a word is multiplied by this factor for its parts."""


class ArrayLike(Protocol):
    """Stands for an array, such as numpy's."""

    def tolist(self) -> Any:
        """Returns its numbers in lists."""
        ...


VectorLike = Sequence[float] | ArrayLike
"""A vector is given as a list of numbers or as an array."""


class Embedder(Protocol):
    """Turns texts into vectors of `dimension` numbers. Implement it with the embedding model of your choice.

    Example:
        embedder: Embedder = HashingEmbedder(dimension=8)
        [vector] = await embedder.embed(["Hello"])
        assert len(vector) == embedder.dimension
    """

    @property
    def dimension(self) -> int:
        """Returns the length of the vectors."""
        ...

    async def embed(self, texts: list[str], /) -> Collection[VectorLike]:
        """Returns a vector for each text, in their order: lists of numbers, or arrays such as numpy's."""
        ...


class HashingEmbedder:
    """Embeds texts without a model: texts are near when they share words or parts of words.

    The vectors are the same in every process, and have length 1. Words, weighted by the logarithm of their length, and
    their parts of 3 and 4 letters are hashed to the dimensions. It suits tests, demos and the search for names. To
    compare meanings, use a model.

    Args:
        dimension: length of the vectors, at least 1.

    Raises:
        ValidationError: `dimension` is wrong.

    Example:
        first, second, other = await HashingEmbedder().embed(["green tea", "green teas", "bicycle"])
        assert sum(map(lambda a, b: a * b, first, second)) > sum(map(lambda a, b: a * b, first, other))
    """

    def __init__(self, dimension: int = 384) -> None:
        self._dimension = integer(dimension, "dimension", operation="VECTOR/EMBED")

    @property
    def dimension(self) -> int:
        """Returns the length of the vectors."""
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Returns a vector for each text, in their order."""
        vectors: list[list[float]] = []
        for text in items(texts, "texts", operation="VECTOR/EMBED"):
            vectors.append(self._vector(text))
            await asyncio.sleep(0)
        return vectors

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self._dimension
        for feature, weight in _features(text):
            hashed = crc32(feature.encode("utf-8", "surrogatepass"))
            vector[(hashed >> 1) % self._dimension] += weight if hashed & 1 else -weight
        length = math.hypot(*vector)
        return [number / length for number in vector] if length else vector


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text.casefold()):
        weight = math.log1p(len(word))
        yield word, weight
        bounded = f"<{word}>"
        for length in _LENGTHS:
            for first in range(len(bounded) - length + 1):
                yield bounded[first : first + length], _GRAM_WEIGHT * weight / math.sqrt(len(word))
