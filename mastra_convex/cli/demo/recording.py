"""Records the demo's own run as a trace: a span for each of its steps."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from mastra_convex.store_base import DomainAccess

_NAME: Final = "demo"


class Recording:
    """Holds the spans of a run that are not stored yet.

    Args:
        thread_id: the thread that the run is about.
    """

    def __init__(self, thread_id: str) -> None:
        self.trace_id: str = uuid.uuid4().hex
        self._root = self._begun(f"workflow run: '{_NAME}'", "workflow_run", thread_id=thread_id)
        self._root |= {"entity_type": "workflow_run", "entity_id": _NAME, "entity_name": _NAME}
        self._spans: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Records what happens within as a step, failed if it raises."""
        parent: str = self._root["span_id"]
        span = self._begun(f"workflow step: '{name}'", "workflow_step", parent_span_id=parent)
        self._spans.append(span)
        try:
            yield
        except Exception as error:
            span["error"] = {"message": str(error), "name": type(error).__name__}
            raise
        finally:
            span["ended_at"] = datetime.now(UTC)

    async def store(self, store: DomainAccess) -> None:
        """Ends the run, and stores its spans in one call."""
        self._root["ended_at"] = datetime.now(UTC)
        await store.observability.batch_create_spans([self._root, *self._spans])

    def _begun(self, name: str, span_type: str, **others: Any) -> dict[str, Any]:
        ids = {"trace_id": self.trace_id, "span_id": uuid.uuid4().hex[:16]}
        return {**ids, "name": name, "span_type": span_type, "started_at": datetime.now(UTC), **others}
