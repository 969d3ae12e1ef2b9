"""The table for records that have no table of their own (contract section 14.2)."""

from mastra_convex.tables import Field, Index, Table

DOCUMENTS = Table(
    name="mastra_documents",
    fields=(
        Field("table"),
        Field("primaryKey"),
        Field("record", "any"),
    ),
    indexes=(
        Index("by_table", ("table",)),
        Index("by_table_primary", ("table", "primaryKey")),
    ),
    key="by_table_primary",
    shared=True,
)
"""One row per record: the logical table's name, the record's id as text, the record."""
