"""The domains as plain Python: the same methods on dicts and lists, with nothing of the product but its records'
defaults and its errors.
"""

from __future__ import annotations

from typing import Any

from .documents import DocumentsModel
from .memory import MemoryModel
from .scores import ScoresModel
from .thread_state import ThreadStateModel
from .vector import VectorModel
from .workflows import WorkflowsModel

__all__ = ["MODELS"]

MODELS: dict[str, type[Any]] = {
    "memory": MemoryModel,
    "workflows": WorkflowsModel,
    "scores": ScoresModel,
    "thread_state": ThreadStateModel,
    "documents": DocumentsModel,
    "vector": VectorModel,
}
