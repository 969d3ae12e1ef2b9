"""Vectors for tests."""

from __future__ import annotations

from collections.abc import Iterable

from mastra_convex_domains import VectorHit


def vector(dimension: int, *numbers: float) -> list[float]:
    """A vector that begins with these numbers and goes on with zeros."""
    return [*map(float, numbers), *[0.0] * (dimension - len(numbers))]


def ids(hits: Iterable[VectorHit]) -> list[str]:
    return [hit.id for hit in hits]
