"""The built-in domains. Adding one: its module, and its two lines here."""

from mastra_convex_domains.documents import DOCUMENTS, DocumentPage, DocumentsStore
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
from mastra_convex_domains.scores import Score, ScorePage, ScoresStore
from mastra_convex_domains.thread_state import ThreadStateStore
from mastra_convex_domains.vector import Embedder, HashingEmbedder, IndexDescription, Metric, VectorHit, VectorStore
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
    """Annotations only: how type checkers know the domains of a store (see `mastra_convex/store_base.py`)."""

    documents: DocumentsStore
    memory: MemoryStore
    scores: ScoresStore
    thread_state: ThreadStateStore
    vector: VectorStore
    workflows: WorkflowsStore
