"""Keeps what LangGraph remembers in a store (docs/adapters/langgraph.md)."""

from mastra_convex.adapters.langgraph_saver import StoreSaver

__all__ = ["StoreSaver"]
