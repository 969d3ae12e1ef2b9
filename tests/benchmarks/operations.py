"""The operations that are measured."""

from __future__ import annotations

from typing import Literal, NamedTuple

VECTOR_SIZES = (1_000, 10_000, 100_000)
BIG_THREAD = 200_000


class Operation(NamedTuple):
    """One line of the table.

    Operations of one `group` share what is stored before. A round makes `times` calls, so that a short one lasts long
    enough to be measured. `beside` tells that the raw alternative runs in our process and not in one of its own.
    """

    name: str
    title: str
    group: str
    times: int
    beside: bool = False
    other: Literal["libsql", "qdrant", "langgraph_savers", "frameworks"] | None = None
    by_default: bool = True


def raw_name(operation: str) -> str:
    """Names the raw alternative of an operation whose raw alternative runs in our process."""
    return f"{operation} raw"


def _vectors(size: int) -> list[Operation]:
    group, kinds = f"vectors_{size}", {"query": "hot", "filter": "hot, filtered", "reopen": "after reopening the file"}
    times = {"query": 10, "filter": 10, "reopen": 1}
    return [
        Operation(
            name=f"vector_{kind}_{size}",
            title=f"top 10 of {size:,} vectors, {title}",
            group=group,
            times=times[kind],
            beside=True,
            other="qdrant",
            by_default=size < VECTOR_SIZES[-1] and kind == "query",
        )
        for kind, title in kinds.items()
    ]


OPERATIONS = [
    Operation("save_1", "save 1 message", "memory", 20, other="libsql"),
    Operation("save_100", "save 100 messages", "memory", 1, other="libsql"),
    Operation("last_20", "last 20 of 2,000, no total", "memory", 20),
    Operation("last_20_total", "last 20 of 2,000, total", "memory", 20, other="libsql"),
    Operation("all_2000", "all 2,000 at once", "memory", 1, other="libsql"),
    Operation("get_thread", "get a thread", "memory", 50, other="libsql"),
    Operation("update_thread", "update thread metadata", "memory", 20, other="libsql"),
    Operation("eight_writers", "8 writers, 5 messages each", "memory", 1, other="libsql"),
    Operation("page_2000", "page 0 of 2,000, no total", "pages", 20),
    Operation("page_200000", "page 0 of 200,000, no total", "pages", 20),
    Operation("page_2000_total", "page 0 of 2,000, total", "pages", 10, other="libsql"),
    Operation("page_200000_total", "page 0 of 200,000, total", "pages", 2, other="libsql"),
    Operation("workflow_update", "update_workflow_state, 405 kB", "workflows", 2, other="libsql"),
    Operation("workflow_load", "load_workflow_snapshot, 405 kB", "workflows", 2, other="libsql"),
    Operation("document_put", "documents.put of 390 kB", "documents", 1, beside=True),
    *(operation for size in VECTOR_SIZES for operation in _vectors(size)),
    Operation("vector_upsert", "upsert of 1,000 vectors", "upserts", 1, other="qdrant", by_default=False),
    Operation("openai_add_1", "session: add 1 item", "openai", 10, other="frameworks", by_default=False),
    Operation("openai_add_20", "session: add 20 items", "openai", 5, other="frameworks", by_default=False),
    Operation("openai_last_20", "session: last 20 of 2,000", "openai", 10, other="frameworks", by_default=False),
    Operation("openai_pop", "session: pop 1 of 2,000", "openai", 10, other="frameworks", by_default=False),
    Operation("openai_turn", "session: last 20, add 2", "openai", 10, other="frameworks", by_default=False),
    Operation("openai_all_2000", "session: all 2,000", "openai", 2, other="frameworks", by_default=False),
    Operation("adk_append", "ADK session: append 1 event", "adk", 10, other="frameworks", by_default=False),
    Operation("adk_last_20", "ADK session: last 20 of 2,000", "adk", 10, other="frameworks", by_default=False),
    Operation("adk_all_2000", "ADK session: all 2,000", "adk", 2, other="frameworks", by_default=False),
    Operation("http_1kb", "HTTP call, answer of 1 kB", "http", 20, beside=True),
    Operation("http_100kb", "HTTP call, answer of 100 kB", "http", 10, beside=True),
    Operation("import", "import mastra_convex", "imports", 1, beside=True),
    *(
        Operation(f"langgraph_{name}", title, "langgraph", times, other="langgraph_savers", by_default=False)
        for name, title, times in (
            ("put", "LangGraph: put, 1 of 10 channels new", 20),
            ("put_all", "LangGraph: put, 10 channels new", 20),
            ("writes", "LangGraph: 2 writes", 20),
            ("latest", "LangGraph: latest of 500", 20),
            ("list", "LangGraph: 20 of 500", 2),
        )
    ),
]
