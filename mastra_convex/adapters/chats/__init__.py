"""Imports conversations that other programs wrote: docs/importing-chats.md has the formats and the rules."""

from mastra_convex.adapters.chats.importing import ChatReport, import_chat

__all__ = ["ChatReport", "import_chat"]
