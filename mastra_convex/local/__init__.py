"""The local engine: the engine protocol on one SQLite file, with Convex's order, limits and rules."""

from mastra_convex.local.engine import LocalEngine

__all__ = ["LocalEngine"]
