"""Exports the built-in domains. A new one needs a module, its exports here, and an attribute of BuiltinDomains."""

from mastra_convex_domains.background_tasks import BackgroundTask, BackgroundTaskPage, BackgroundTasksStore
from mastra_convex_domains.cache import CacheStore
from mastra_convex_domains.channels import ChannelConfig, ChannelInstallation, ChannelsStore
from mastra_convex_domains.documents import DOCUMENTS, DocumentPage, DocumentsStore
from mastra_convex_domains.memory import (
    ActivatedChunk,
    ActivationResult,
    Include,
    MemoryStore,
    Message,
    MessagePage,
    MessageUpdate,
    ObservationalMemory,
    ObservationChunk,
    Resource,
    ResourceMemory,
    ResourceUpdate,
    Thread,
    ThreadClone,
    ThreadPage,
)
from mastra_convex_domains.observability import (
    BranchFilters,
    BranchPage,
    BranchSummary,
    ObservabilityStore,
    Span,
    SpanSummary,
    TimeRange,
    Trace,
    TraceFilters,
    TracePage,
    TraceQueryPage,
    TraceStructure,
    TraceSummary,
    TraceTotals,
    WholeTrace,
    WholeTracePage,
)
from mastra_convex_domains.schedules import Schedule, SchedulesStore, ScheduleTrigger
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
from mastra_convex_domains.workflows import RunClaim, RunStatus, WorkflowRun, WorkflowRunPage, WorkflowsStore

__all__ = [
    "DOCUMENTS",
    "ActivatedChunk",
    "ActivationResult",
    "BackgroundTask",
    "BackgroundTaskPage",
    "BackgroundTasksStore",
    "BranchFilters",
    "BranchPage",
    "BranchSummary",
    "BuiltinDomains",
    "CacheStore",
    "ChannelConfig",
    "ChannelInstallation",
    "ChannelsStore",
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
    "ObservabilityStore",
    "ObservationChunk",
    "ObservationalMemory",
    "Resource",
    "ResourceMemory",
    "ResourceUpdate",
    "ResourceVectors",
    "RunClaim",
    "RunStatus",
    "Schedule",
    "ScheduleTrigger",
    "SchedulesStore",
    "Score",
    "ScorePage",
    "ScoresStore",
    "Span",
    "SpanSummary",
    "Thread",
    "ThreadClone",
    "ThreadPage",
    "ThreadStateStore",
    "TimeRange",
    "Trace",
    "TraceFilters",
    "TracePage",
    "TraceQueryPage",
    "TraceStructure",
    "TraceSummary",
    "TraceTotals",
    "VectorHit",
    "VectorStore",
    "WholeTrace",
    "WholeTracePage",
    "WorkflowRun",
    "WorkflowRunPage",
    "WorkflowsStore",
]


class BuiltinDomains:
    """Declares the domains of a store for type checkers (see `mastra_convex/store_base.py`).

    Example:
        assert store.memory is store.domain(MemoryStore)
        assert store.schedules.name == "schedules"
    """

    background_tasks: BackgroundTasksStore
    """Stores calls of tools that run in the background."""
    cache: CacheStore
    """Caches values, lists and counters for a time."""
    channels: ChannelsStore
    """Stores on which platforms agents are installed."""
    documents: DocumentsStore
    """Stores records of any shape."""
    memory: MemoryStore
    """Stores threads, messages and resources."""
    observability: ObservabilityStore
    """Stores the traces of agents' runs."""
    schedules: SchedulesStore
    """Stores schedules and their triggers."""
    scores: ScoresStore
    """Stores the results of evaluations."""
    thread_state: ThreadStateStore
    """Stores JSON values for each thread."""
    vector: VectorStore
    """Stores and searches vectors."""
    workflows: WorkflowsStore
    """Stores the snapshots of workflow runs."""
