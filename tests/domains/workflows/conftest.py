from __future__ import annotations

import pytest

from mastra_convex import ConvexStore
from mastra_convex_domains import WorkflowsStore


@pytest.fixture
def workflows(store: ConvexStore) -> WorkflowsStore:
    return store.workflows
