"""The local engine: the engine protocol on one SQLite file, with Convex's order, limits and rules."""

from mastra_convex.local.engine import LocalEngine
from mastra_convex.local.vectors.cache import VECTOR_CACHE_BYTES

__all__ = ["VECTOR_CACHE_BYTES", "LocalEngine"]
