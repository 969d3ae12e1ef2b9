"""Exports the built-in domains. A new one needs a module, its exports here, and an attribute of BuiltinDomains."""

from mastra_convex_domains.agent_sessions import AgentSession, AgentSessionPage, AgentSessionsStore
from mastra_convex_domains.background_tasks import BackgroundTask, BackgroundTaskPage, BackgroundTasksStore
from mastra_convex_domains.cache import CacheStore
from mastra_convex_domains.channels import ChannelConfig, ChannelInstallation, ChannelsStore
from mastra_convex_domains.checkpoints import (
    ChannelHistory,
    Checkpoint,
    CheckpointsStore,
    CheckpointWrite,
    Serialized,
    StoredCheckpoint,
)
from mastra_convex_domains.documents import DOCUMENTS, DocumentPage, DocumentsStore
from mastra_convex_domains.key_values import (
    KeyValue,
    KeyValuePage,
    KeyValuesStore,
    Namespace,
    NamespacedKey,
    StoredKeyValue,
)
from mastra_convex_domains.memory import (
    ActivatedChunk,
    ActivationResult,
    Include,
    ItemLog,
    LoadedThread,
    LoadedThreads,
    MemoryStore,
    Message,
    MessagePage,
    MessageUpdate,
    NewItem,
    ObservationalMemory,
    ObservationChunk,
    Resource,
    ResourceMemory,
    ResourceUpdate,
    StoredItem,
    Thread,
    ThreadClone,
    ThreadPage,
    ToolResult,
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
    "AgentSession",
    "AgentSessionPage",
    "AgentSessionsStore",
    "BackgroundTask",
    "BackgroundTaskPage",
    "BackgroundTasksStore",
    "BranchFilters",
    "BranchPage",
    "BranchSummary",
    "BuiltinDomains",
    "CacheStore",
    "ChannelConfig",
    "ChannelHistory",
    "ChannelInstallation",
    "ChannelsStore",
    "Checkpoint",
    "CheckpointWrite",
    "CheckpointsStore",
    "DocumentPage",
    "DocumentsStore",
    "Embedder",
    "HashingEmbedder",
    "Include",
    "IndexDescription",
    "ItemLog",
    "KeyValue",
    "KeyValuePage",
    "KeyValuesStore",
    "LoadedThread",
    "LoadedThreads",
    "MemoryStore",
    "Message",
    "MessagePage",
    "MessageUpdate",
    "Metric",
    "Namespace",
    "NamespacedKey",
    "NewItem",
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
    "Serialized",
    "Span",
    "SpanSummary",
    "StoredCheckpoint",
    "StoredItem",
    "StoredKeyValue",
    "Thread",
    "ThreadClone",
    "ThreadPage",
    "ThreadStateStore",
    "TimeRange",
    "ToolResult",
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

    agent_sessions: AgentSessionsStore
    """Stores the transcripts of agents' sessions."""
    background_tasks: BackgroundTasksStore
    """Stores calls of tools that run in the background."""
    cache: CacheStore
    """Caches values, lists and counters for a time."""
    channels: ChannelsStore
    """Stores on which platforms agents are installed."""
    checkpoints: CheckpointsStore
    """Stores checkpoints of graphs, with the values of their channels."""
    documents: DocumentsStore
    """Stores records of any shape."""
    key_values: KeyValuesStore
    """Stores values under keys, in namespaces and for a time."""
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
