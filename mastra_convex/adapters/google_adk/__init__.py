"""Keeps the sessions and the memory of Google's Agent Development Kit in a store (docs/adapters/google-adk.md)."""

from mastra_convex.adapters.google_adk.memory import StoreMemoryService
from mastra_convex.adapters.google_adk.sessions import StoreSessionService

__all__ = ["StoreMemoryService", "StoreSessionService"]
