"""Keeps the memory of ADK in a thread of each user, and in vectors where there is an embedder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from google.adk.events import Event
from google.adk.memory import BaseMemoryService
from google.adk.memory.base_memory_service import SearchMemoryResponse
from google.adk.memory.memory_entry import MemoryEntry
from google.adk.sessions import Session
from google.genai import types

from mastra_convex.adapters import projection
from mastra_convex.adapters.google_adk import names
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.domain import Embedder, each, new_id
from mastra_convex.errors import NotFoundError

_KEY: Final = "adkMemory"
"""The member of `content.metadata` with the memory."""

_WORD: Final = re.compile(r"\w+")


class StoreMemoryService(OverStore, BaseMemoryService):
    """Is a memory service of ADK over a store: what a user said or was told in an app is a message of one thread.

    Of events their text is kept. What has the id of a memory that is there is not added again.

    Args:
        store: a store, the path of a SQLite file to open, or None for the deployment that the environment names.
        embedder: makes vectors of texts, so that a search finds what means the same and reads no more than that.
            Without it a search reads all memories of the user, and finds those with most of its words.
        index_name: name of the vector index, which is made with the first memory.
        limit: greatest number of memories that a search finds.

    Example:
        service = StoreMemoryService(store)
        event = Event(author="user", content=types.UserContent("I like green tea"))
        await service.add_events_to_memory(app_name="app", user_id="user-1", events=[event])
        found = await service.search_memory(app_name="app", user_id="user-1", query="Which tea?")
        assert [memory.id for memory in found.memories] == [event.id]
    """

    def __init__(
        self,
        store: StoreSource = None,
        *,
        embedder: Embedder | None = None,
        index_name: str = "adk_memory",
        limit: int = 10,
    ) -> None:
        super().__init__(store)
        self._items = self.store.memory.items(_KEY)
        self._embedder = embedder
        self._index_name = index_name
        self._limit = limit

    async def add_session_to_memory(self, session: Session) -> None:
        """Adds the events of a session that have text and are not there yet."""
        await self.add_events_to_memory(app_name=session.app_name, user_id=session.user_id, events=session.events)

    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Adds events that have text and are not there yet: those of the latest turn, for instance.

        Args:
            app_name: name of the app.
            user_id: id of the user.
            events: events to add.
            session_id: has no meaning here: memories of all sessions of the user are found together.
            custom_metadata: any JSON members, which searches return with these memories.
        """
        memories = [
            MemoryEntry(
                id=event.id,
                author=event.author,
                timestamp=datetime.fromtimestamp(event.timestamp, UTC).isoformat(),
                content=types.Content(role=event.content.role, parts=[types.Part(text=text)]),
            )
            for event in events
            if event.content and (text := _text(event.content))
        ]
        await self.add_memory(app_name=app_name, user_id=user_id, memories=memories, custom_metadata=custom_metadata)

    async def add_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Adds memories that are not there yet. One without an id gets a new one.

        Args:
            app_name: name of the app.
            user_id: id of the user.
            memories: memories to add, each with text.
            custom_metadata: any JSON members, over those that each memory has.
        """
        owner = names.user_id(app_name, user_id)
        given: dict[str, MemoryEntry] = {}
        for memory in memories:
            custom = {**memory.custom_metadata, **(custom_metadata or {})}
            id = memory.id or new_id()
            given[_message_id(owner, id)] = memory.model_copy(update={"id": id, "custom_metadata": custom})
        stored = await self._items.get(list(given))
        new = {id: memory for (id, memory), known in zip(given.items(), stored, strict=True) if known is None}
        if not new:
            return
        await self._embed(owner, new)
        added = [
            projection.new_item(
                memory.model_dump(mode="json", exclude_none=True),
                "user" if memory.author == "user" else "assistant",
                [projection.text(_text(memory.content))],
                name=_KEY,
                id=id,
            )
            for id, memory in new.items()
        ]
        await self._items.append({"id": owner, "resource_id": owner, "title": "Memory"}, added)

    async def search_memory(self, *, app_name: str, user_id: str, query: str) -> SearchMemoryResponse:
        """Finds the memories of a user in an app that are likest to a query, the likest first.

        Args:
            app_name: name of the app.
            user_id: id of the user.
            query: text to compare them with.

        Returns:
            The memories, `limit` at most.
        """
        owner = names.user_id(app_name, user_id)
        if self._embedder is None:
            return SearchMemoryResponse(memories=await self._with_words(owner, query))
        return SearchMemoryResponse(memories=await self._nearest(owner, query, self._embedder))

    async def delete_memory(self, *, app_name: str, user_id: str, memory_id: str | None = None) -> None:
        """Deletes a memory by the id that a search returned; an unknown one is no error."""
        if memory_id:
            id = _message_id(names.user_id(app_name, user_id), memory_id)
            await self.store.memory.delete_messages([id])
            if self._embedder is not None:
                with suppress(NotFoundError):  # nothing was ever added
                    await self.store.vector.delete_vector(self._index_name, id=id)

    async def _embed(self, owner: str, memories: Mapping[str, MemoryEntry]) -> None:
        """Stores the vectors of new memories, before these: a search leaves out a vector that has no memory."""
        if self._embedder is None:
            return
        vectors = await self._embedder.embed([_text(memory.content) for memory in memories.values()])
        about = {"resource_id": owner, "thread_id": owner}
        await self.store.vector.create_index(self._index_name, dimension=self._embedder.dimension)
        await self.store.vector.upsert(
            self._index_name, vectors=vectors, ids=list(memories), metadata=[about] * len(memories)
        )

    async def _nearest(self, owner: str, query: str, embedder: Embedder) -> list[MemoryEntry]:
        [vector] = await embedder.embed([query])
        try:
            hits = await self.store.vector.query(
                self._index_name, query_vector=vector, top_k=self._limit, filter={"resource_id": owner}
            )
        except NotFoundError:  # nothing was ever added
            return []
        stored = await self._items.get([hit.id for hit in hits])
        return [MemoryEntry.model_validate_json(each.item) for each in stored if each is not None and each.item]

    async def _with_words(self, owner: str, query: str) -> list[MemoryEntry]:
        words = _words(query)
        stored = await self._items.latest(owner)
        found = await each(MemoryEntry.model_validate_json, [each.item for each in stored if each.item])
        counts = [_count(words, _text(memory.content)) for memory in found]
        best = sorted((n for n, count in enumerate(counts) if count), key=lambda n: -counts[n])
        return [found[n] for n in best[: self._limit]]


def _text(content: types.Content) -> str:
    return "\n".join(part.text for part in content.parts or () if part.text)


def _message_id(owner: str, memory_id: str) -> str:
    return f"{owner}//{memory_id}"


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _count(words: set[str], text: str) -> int:
    """Counts the words that a text has. Of a language without blanks between words, parts are found too."""
    own, text = _words(text), text.casefold()
    return sum(word in own or (not word.isascii() and word in text) for word in words)
