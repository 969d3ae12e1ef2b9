"""Memory: threads, messages, resources (docs/contract.md, "Threads", "Messages" and "Resources")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mastra_convex.domain import register
from mastra_convex.retention import RetentionTable
from mastra_convex.tables import Table

from .cloning import CloneMethods
from .messages import MessageMethods
from .models import (
    Include,
    Message,
    MessageOrder,
    MessagePage,
    MessageUpdate,
    Resource,
    Role,
    Thread,
    ThreadClone,
    ThreadOrder,
    ThreadPage,
)
from .resources import ResourceMethods
from .tables import MESSAGES, RESOURCES, THREADS
from .threads import ThreadMethods
from .writing import WriteMethods

__all__ = [
    "Include",
    "MemoryStore",
    "Message",
    "MessageOrder",
    "MessagePage",
    "MessageUpdate",
    "Resource",
    "Role",
    "Thread",
    "ThreadClone",
    "ThreadOrder",
    "ThreadPage",
]


@register
class MemoryStore(ThreadMethods, MessageMethods, WriteMethods, ResourceMethods, CloneMethods):
    """Threads, their messages, and what is remembered of resources."""

    name: ClassVar[str] = "memory"
    tables: ClassVar[tuple[Table, ...]] = (THREADS, MESSAGES, RESOURCES)
    retention: ClassVar[Mapping[str, RetentionTable]] = {
        "messages": RetentionTable(MESSAGES, "createdAt"),
        "resources": RetentionTable(RESOURCES, "createdAt"),
        "threads": RetentionTable(THREADS, "createdAt"),
    }
