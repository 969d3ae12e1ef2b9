"""Stores what an agent observed of conversations, in generations (docs/contract.md, "Observational memory")."""

from .buffers import BufferMethods
from .models import ActivatedChunk, ActivationResult, ObservationalMemory, ObservationChunk, ObservationScope
from .records import ObservationMethods
from .reflections import ReflectionMethods

__all__ = [
    "ActivatedChunk",
    "ActivationResult",
    "ObservationChunk",
    "ObservationScope",
    "ObservationalMemory",
    "ObservationalMethods",
]


class ObservationalMethods(ObservationMethods, BufferMethods, ReflectionMethods):
    """Adds the methods for observational memory to MemoryStore."""
