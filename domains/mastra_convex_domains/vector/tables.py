"""Declares the tables of the vector domain (docs/contract.md, "Tables")."""

from mastra_convex.domain import Field, Index, Owner, Table, VectorIndex

VECTOR_INDEXES = Table(
    name="mastra_vector_indexes",
    fields=(
        Field("id"),
        Field("indexName"),
        Field("dimension", "number"),
        Field("metric"),
        Field("createdAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_name", ("indexName",)),
    ),
    shared=True,
)
"""Each row holds one vector index; its `id` is the name of the index."""

VECTORS = Table(
    name="mastra_vectors",
    fields=(
        Field("id"),
        Field("indexName"),
        Field("embedding", "floats"),
        Field("metadata", "any", optional=True),
    ),
    indexes=(
        Index("by_index_id", ("indexName", "id")),
        Index("by_index", ("indexName",)),
        Index("by_record_id", ("id",), extra=True),
        Index("by_metadata_resource", ("metadata.resource_id",), extra=True),
        Index("by_metadata_thread", ("metadata.thread_id",), extra=True),
    ),
    key="by_index_id",
    owner=Owner("mastra_threads", "by_metadata_thread", optional=True),
    shared=True,
    resource="metadata.resource_id",
    vector_indexes=(
        VectorIndex(
            "by_embedding_1536", "embedding", 1536, ("indexName", "metadata.resource_id", "metadata.thread_id")
        ),
    ),
)
"""The rows hold the vectors of all indexes; an `id` is unique within its index only."""
