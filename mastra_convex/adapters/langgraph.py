"""Exports the adapters of LangGraph (docs/adapters/langgraph.md)."""

from mastra_convex.adapters.langgraph_saver import StoreSaver
from mastra_convex.adapters.langgraph_store import StoreCache, StoreMemory

__all__ = ["StoreCache", "StoreMemory", "StoreSaver"]
