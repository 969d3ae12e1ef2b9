"""The hashing embedder."""

from __future__ import annotations

import math

import pytest

from mastra_convex import ValidationError
from mastra_convex_domains import HashingEmbedder


async def near(a: str, b: str) -> float:
    [x, y] = await HashingEmbedder().embed([a, b])
    return sum(p * q for p, q in zip(x, y, strict=True))


async def test_vectors_of_one_length() -> None:
    embedder = HashingEmbedder(64)
    vectors = await embedder.embed(["Hello there", "", "数据库 в Таллинне", "\ud800"])
    assert [len(vector) for vector in vectors] == [embedder.dimension] * 4 == [64] * 4
    assert [math.hypot(*vector) for vector in vectors] == [pytest.approx(1), 0, pytest.approx(1), 0]
    assert await embedder.embed([]) == []


async def test_the_same_in_every_process() -> None:
    [vector] = await HashingEmbedder(4).embed(["a bakery in Tallinn"])
    assert vector == pytest.approx([0.122696, -0.613705, 0.483924, 0.611661], abs=1e-6)


async def test_shared_words_and_parts_of_words_are_near() -> None:
    question = "Which ferry goes to Helsinki?"
    shared = await near(question, "The ferries to Helsinki leave at noon")
    assert shared > await near(question, "Ferrying goods across the sea") > await near(question, "I bake rye bread")
    assert await near("DATABASE", "database") == pytest.approx(1)
    assert await near("数据库很快", "数据库很慢") > await near("数据库很快", "今天天气好")


@pytest.mark.parametrize("dimension", [0, -1, 1.5, True])
def test_dimensions_that_cannot_be(dimension: int) -> None:
    with pytest.raises(ValidationError, match="dimension"):
        HashingEmbedder(dimension)
