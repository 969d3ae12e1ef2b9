"""Declares the table of key-values (docs/contract.md, "Key-values")."""

from __future__ import annotations

from mastra_convex.domain import Field, Index, Table

KEY_VALUES = Table(
    name="mastra_key_values",
    fields=(
        Field("collection"),
        Field("namespace"),
        Field("key"),
        Field("kind"),
        Field("value", json=True, large=True),
        Field("ttl", "number", optional=True),
        Field("createdAt"),
        Field("updatedAt"),
        Field("expiresAt", nullable=True),
    ),
    indexes=(
        Index("by_namespace_key", ("collection", "namespace", "key")),
        Index("by_expires", ("expiresAt",)),
        Index("by_updated", ("updatedAt",)),
    ),
    key="by_namespace_key",
)
"""Each row holds a value. `namespace` is the text of `namespaces.encode`, `ttl` is in milliseconds, and `value` holds
base64 where `kind` is `bytes`."""
