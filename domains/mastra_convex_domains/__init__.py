"""Exports the built-in domains. A new one needs a module, its exports here, and an attribute of BuiltinDomains."""

from mastra_convex_domains.documents import DOCUMENTS, DocumentPage, DocumentsStore
from mastra_convex_domains.memory import (
    Include,
    MemoryStore,
    Message,
    MessagePage,
    MessageUpdate,
    Resource,
    ResourceMemory,
    ResourceUpdate,
    Thread,
    ThreadClone,
    ThreadPage,
)
from mastra_convex_domains.scores import Score, ScorePage, ScoresStore
from mastra_convex_domains.thread_state import ThreadStateStore
from mastra_convex_domains.vector import (
    Embedder,
    HashingEmbedder,
    IndexDescription,
    Metric,
    ResourceVectors,
    VectorHit,
    VectorStore,
)
from mastra_convex_domains.workflows import RunStatus, WorkflowRun, WorkflowRunPage, WorkflowsStore

__all__ = [
    "DOCUMENTS",
    "BuiltinDomains",
    "DocumentPage",
    "DocumentsStore",
    "Embedder",
    "HashingEmbedder",
    "Include",
    "IndexDescription",
    "MemoryStore",
    "Message",
    "MessagePage",
    "MessageUpdate",
    "Metric",
    "Resource",
    "ResourceMemory",
    "ResourceUpdate",
    "ResourceVectors",
    "RunStatus",
    "Score",
    "ScorePage",
    "ScoresStore",
    "Thread",
    "ThreadClone",
    "ThreadPage",
    "ThreadStateStore",
    "VectorHit",
    "VectorStore",
    "WorkflowRun",
    "WorkflowRunPage",
    "WorkflowsStore",
]


class BuiltinDomains:
    """Declares the domains of a store for type checkers (see `mastra_convex/store_base.py`).

    Example:
        names = ["documents", "memory", "scores", "thread_state", "vector", "workflows"]
        assert all(getattr(store, name).name == name for name in names)
    """

    documents: DocumentsStore
    """Stores records of any shape."""
    memory: MemoryStore
    """Stores threads, messages and resources."""
    scores: ScoresStore
    """Stores the results of evaluations."""
    thread_state: ThreadStateStore
    """Stores JSON values for each thread."""
    vector: VectorStore
    """Stores and searches vectors."""
    workflows: WorkflowsStore
    """Stores the snapshots of workflow runs."""
