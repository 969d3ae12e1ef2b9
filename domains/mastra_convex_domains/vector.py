"""The tables of the vector domain (contract section 14.2)."""

from mastra_convex.tables import Field, Index, Owner, Table

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
"""One row per vector index; its `id` is the name of the index."""

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
    ),
    key="by_index_id",
    owner=Owner("mastra_vector_indexes", "by_index"),
    shared=True,
)
"""Vectors of all indexes; an `id` is unique within its index only."""
