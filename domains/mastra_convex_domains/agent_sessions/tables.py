"""Declares the tables of the agent sessions domain (docs/contract.md, "Agent sessions")."""

from mastra_convex.domain import Field, Index, Owner, Table

SESSIONS = Table(
    name="mastra_agent_sessions",
    fields=(
        Field("id"),
        Field("projectKey"),
        Field("sessionId"),
        Field("entryCount", "number"),
        Field("hasMain", "boolean"),
        Field("subpaths", json=True),
        Field("summary", optional=True, large=True),
        Field("updatedAt"),
    ),
    indexes=(
        Index("by_record_id", ("id",)),
        Index("by_project", ("projectKey", "hasMain", "updatedAt")),
        Index("by_updated", ("updatedAt",)),
    ),
)
"""Each row holds one session. `id` is the JSON text of its two names. `entryCount` is the position of the next entry.

`hasMain` tells whether the main transcript has entries, and `subpaths` the same of each other one.
"""

ENTRIES = Table(
    name="mastra_agent_session_entries",
    fields=(
        Field("session"),
        Field("subpath"),
        Field("entryId"),
        Field("position", "number"),
        Field("entry", large=True),
    ),
    indexes=(
        Index("by_entry", ("session", "subpath", "entryId")),
        Index("by_position", ("session", "subpath", "position")),
    ),
    key="by_entry",
    owner=Owner("mastra_agent_sessions", "by_position"),
)
"""Each row holds an entry of a transcript, as JSON text. `session` is the id of the session; the main subpath is "".

Positions grow in the order in which entries were committed; they need no clock. `entryId` is the `uuid` of the entry.
"""
