"""Keeps the memory of ADK in vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from google.adk.memory import BaseMemoryService
from google.adk.memory.base_memory_service import SearchMemoryResponse
from google.adk.memory.memory_entry import MemoryEntry
from google.genai import types

from mastra_convex.adapters.google_adk import names
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.domain import Embedder, HashingEmbedder, new_id
from mastra_convex.errors import NotFoundError

if TYPE_CHECKING:
    from google.adk.events import Event
    from google.adk.sessions import Session

_MEMBER: Final = "memory"
"""The member of a vector's metadata with the memory, as JSON text."""


class StoreMemoryService(OverStore, BaseMemoryService):
    """Is a memory service of ADK over a store: each memory is a vector with its text, found by what it says.

    What is added again replaces itself. Of events their text is kept, and nothing else.

    Args:
        store: a store, the path of a SQLite file to open, or None for the deployment that the environment names.
        embedder: makes vectors of texts. The default finds texts that share words or parts of words, and needs no
            model; wrap your model to find what means the same. Memories that another embedder made are not found.
        index_name: name of the vector index, which is made with the first memory.
        limit: greatest number of memories that a search finds.
        min_score: lowest score of these, -1 to 1; for the default embedder 0.1 leaves out what shares no words.

    Example:
        service = StoreMemoryService(store)
        event = Event(author="user", content=types.UserContent("I like green tea"))
        await service.add_events_to_memory(app_name="app", user_id="user-1", events=[event])
        found = await service.search_memory(app_name="app", user_id="user-1", query="which tea?")
        assert [memory.id for memory in found.memories] == [event.id]
    """

    def __init__(
        self,
        store: StoreSource = None,
        *,
        embedder: Embedder | None = None,
        index_name: str = "adk_memory",
        limit: int = 10,
        min_score: float = 0.1,
    ) -> None:
        super().__init__(store)
        self._embedder = embedder or HashingEmbedder()
        self._index_name = index_name
        self._limit = limit
        self._min_score = min_score
        self._has_index = False

    async def add_session_to_memory(self, session: Session) -> None:
        """Adds the events of a session that have text; those that are there already are replaced."""
        await self.add_events_to_memory(
            app_name=session.app_name, user_id=session.user_id, events=session.events, session_id=session.id
        )

    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Adds events that have text, beside all that is there: those of the latest turn, for instance.

        Args:
            app_name: name of the app.
            user_id: id of the user.
            events: events to add.
            session_id: id of their session.
            custom_metadata: any JSON members, which searches return with these memories.
        """
        memories = [
            MemoryEntry(
                id=event.id,
                author=event.author,
                timestamp=datetime.fromtimestamp(event.timestamp, UTC).isoformat(),
                content=types.Content(role=event.content and event.content.role, parts=[types.Part(text=text)]),
            )
            for event in events
            if (text := _text(event.content))
        ]
        thread = {} if session_id is None else {"thread_id": names.thread_id(app_name, user_id, session_id)}
        await self._add(names.user_id(app_name, user_id), memories, custom_metadata, thread)

    async def add_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Adds memories as they are. One without an id gets a new one, one with the id of another replaces that.

        Args:
            app_name: name of the app.
            user_id: id of the user.
            memories: memories to add, each with text.
            custom_metadata: any JSON members, over those that each memory has.
        """
        await self._add(names.user_id(app_name, user_id), memories, custom_metadata, {})

    async def search_memory(self, *, app_name: str, user_id: str, query: str) -> SearchMemoryResponse:
        """Finds the memories of a user in an app that say what is like the query, the likest first."""
        [vector] = await self._embedder.embed([query])
        try:
            hits = await self.store.vector.query(
                self._index_name,
                query_vector=vector,
                top_k=self._limit,
                filter={"resource_id": names.user_id(app_name, user_id)},
                min_score=self._min_score,
            )
        except NotFoundError:  # nothing was ever added
            hits = []
        memories = [MemoryEntry.model_validate_json(hit.metadata[_MEMBER]) for hit in hits]
        return SearchMemoryResponse(memories=memories)

    async def delete_memory(self, *, app_name: str, user_id: str, memory_id: str | None = None) -> None:
        """Deletes a memory by the id that a search returned; an unknown one is no error."""
        if memory_id:
            id = _vector_id(names.user_id(app_name, user_id), memory_id)
            with suppress(NotFoundError):  # nothing was ever added
                await self.store.vector.delete_vector(self._index_name, id=id)

    async def _add(
        self,
        owner: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None,
        thread: Mapping[str, str],
    ) -> None:
        if not memories:
            return
        stored = [
            memory.model_copy(
                update={
                    "id": memory.id or new_id(),
                    "custom_metadata": {**memory.custom_metadata, **(custom_metadata or {})},
                }
            )
            for memory in memories
        ]
        if not self._has_index:
            await self.store.vector.create_index(self._index_name, dimension=self._embedder.dimension)
            self._has_index = True
        texts = [_text(memory.content) for memory in stored]
        metadata: list[dict[str, Any]] = [
            {"resource_id": owner, **thread, "text": text, _MEMBER: memory.model_dump_json(exclude_none=True)}
            for memory, text in zip(stored, texts, strict=True)
        ]
        await self.store.vector.upsert(
            self._index_name,
            vectors=await self._embedder.embed(texts),
            ids=[_vector_id(owner, str(memory.id)) for memory in stored],
            metadata=metadata,
        )


def _text(content: types.Content | None) -> str:
    return "\n".join(part.text for part in (content and content.parts) or () if part.text)


def _vector_id(owner: str, memory_id: str) -> str:
    return f"{owner}/{memory_id}"
