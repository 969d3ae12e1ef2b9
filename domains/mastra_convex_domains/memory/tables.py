"""Declares the tables of the memory domain (docs/contract.md, "Tables")."""

from mastra_convex.domain import Field, Index, Owner, Table

THREADS = Table(
    name="mastra_threads",
    fields=(
        Field("id"),
        Field("resourceId"),
        Field("title"),
        Field("metadata", "any", optional=True),
        Field("createdAt"),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_resource", ("resourceId",)),
        Index("by_created", ("createdAt",)),
        Index("by_updated", ("updatedAt",)),
        Index("by_resource_created", ("resourceId", "createdAt"), extra=True),
        Index("by_resource_updated", ("resourceId", "updatedAt"), extra=True),
    ),
    shared=True,
)
"""Each row holds one thread."""

MESSAGES = Table(
    name="mastra_messages",
    fields=(
        Field("id"),
        Field("thread_id"),
        Field("content", json=True, large=True),
        Field("role"),
        Field("type"),
        Field("createdAt"),
        Field("resourceId", optional=True),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_thread", ("thread_id",)),
        Index("by_thread_created", ("thread_id", "createdAt")),
        Index("by_resource", ("resourceId",)),
        Index("by_resource_created", ("resourceId", "createdAt"), extra=True),
        Index("by_created", ("createdAt",), extra=True),
    ),
    owner=Owner("mastra_threads", "by_thread"),
    shared=True,
)
"""Each row holds one message. It belongs to its thread, and is deleted with it."""

RESOURCES = Table(
    name="mastra_resources",
    fields=(
        Field("id"),
        Field("workingMemory", optional=True, large=True),
        Field("metadata", "any", optional=True),
        Field("createdAt"),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_updated", ("updatedAt",)),
        Index("by_created", ("createdAt",), extra=True),
    ),
    shared=True,
)
"""Each row holds the data of one resource."""
