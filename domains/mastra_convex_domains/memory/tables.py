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
    resource="resourceId",
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
    resource="resourceId",
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
    resource="id",
)
"""Each row holds the data of one resource."""

OBSERVATIONS = Table(
    name="mastra_observational_memory",
    fields=(
        Field("id"),
        Field("lookupKey"),
        Field("scope"),
        Field("resourceId", optional=True, nullable=True),
        Field("threadId", optional=True, nullable=True),
        Field("activeObservations", large=True),
        Field("activeObservationsPendingUpdate", optional=True, nullable=True, large=True),
        Field("originType"),
        Field("config", json=True),
        Field("generationCount", "number"),
        Field("lastObservedAt", optional=True, nullable=True),
        Field("lastReflectionAt", optional=True, nullable=True),
        Field("pendingMessageTokens", "number"),
        Field("totalTokensObserved", "number"),
        Field("observationTokenCount", "number"),
        Field("isObserving", "boolean"),
        Field("isReflecting", "boolean"),
        Field("observedMessageIds", "strings", optional=True, nullable=True),
        Field("observedTimezone", optional=True, nullable=True),
        Field("bufferedObservations", optional=True, nullable=True, large=True),
        Field("bufferedObservationTokens", "number", optional=True, nullable=True),
        Field("bufferedMessageIds", "strings", optional=True, nullable=True),
        Field("bufferedReflection", optional=True, nullable=True, large=True),
        Field("bufferedReflectionTokens", "number", optional=True, nullable=True),
        Field("bufferedReflectionInputTokens", "number", optional=True, nullable=True),
        Field("reflectedObservationLineCount", "number", optional=True, nullable=True),
        Field("bufferedObservationChunks", json=True, optional=True, nullable=True, large=True),
        Field("isBufferingObservation", "boolean"),
        Field("isBufferingReflection", "boolean"),
        Field("lastBufferedAtTokens", "number"),
        Field("lastBufferedAtTime", optional=True, nullable=True),
        Field("metadata", json=True, optional=True, nullable=True),
        Field("createdAt"),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_lookup_key", ("lookupKey", "generationCount")),
        Index("by_thread", ("threadId",), extra=True),
        Index("by_updated", ("updatedAt",), extra=True),
    ),
    owner=Owner("mastra_threads", "by_thread"),
    shared=True,
    resource="resourceId",
)
"""Each row holds one generation of observations. Those of a thread are deleted with it."""
