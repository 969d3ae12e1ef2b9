"""The built-in domains. Adding one: its module, and its two lines here."""

from mastra_convex_domains.memory import (
    Include,
    MemoryStore,
    Message,
    MessagePage,
    MessageUpdate,
    Resource,
    Thread,
    ThreadClone,
    ThreadPage,
)

__all__ = [
    "BuiltinDomains",
    "Include",
    "MemoryStore",
    "Message",
    "MessagePage",
    "MessageUpdate",
    "Resource",
    "Thread",
    "ThreadClone",
    "ThreadPage",
]


class BuiltinDomains:
    """Annotations only: how type checkers know the domains of a store (see `mastra_convex/access.py`)."""

    memory: MemoryStore
