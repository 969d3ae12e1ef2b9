"""Exports the adapters of LangChain (docs/adapters/langchain.md)."""

from mastra_convex.adapters.langchain_history import StoreChatHistory
from mastra_convex.adapters.langchain_key_values import StoreKeyValues, StoreLLMCache
from mastra_convex.adapters.langchain_vectors import StoreVectors

__all__ = ["StoreChatHistory", "StoreKeyValues", "StoreLLMCache", "StoreVectors"]
