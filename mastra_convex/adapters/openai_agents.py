"""Keeps sessions of the OpenAI Agents SDK in threads (docs/adapters/openai-agents.md). The SDK itself is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mastra_convex.adapters.openai_items import DATA, items_of, parts_of
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.adapters.projection import NewItem, latest_items, new_item, read_items
from mastra_convex.domain import each
from mastra_convex.errors import ValidationError

if TYPE_CHECKING:
    from agents import SessionSettings

KEY: Final = "openaiAgents"
"""The member of a message's metadata in which its item is."""


class StoreSession(OverStore):
    """Keeps the items of one session as messages of one thread: the `Session` protocol of `openai-agents`.

    Each call is atomic and takes one round trip; `pop_item` takes two. A call that changes the session ends before a
    cancellation of its caller is raised, or has not begun. Any number of sessions, tasks and processes may use one
    session id at once.

    Args:
        session_id: id of the session, which is the id of the thread.
        store: the store; or the path of a SQLite file to open; or None for the deployment that CONVEX_URL and
            CONVEX_ADMIN_KEY name. A store that the session opens it closes, by `aclose` or `async with`.
        resource_id: who owns the thread, if the session makes it; the session id by default.
        session_settings: the SDK's `SessionSettings`; its `limit` is the number of items that a run reads.
        keep_item: False does not store items, only what is shown of them, so that nothing else reaches a browser. Items
            are then read back from what is shown: text, files and tool calls.
        show_parts: False stores items and shows nothing of them, in user interfaces and prompts of Mastra.

    Raises:
        ValidationError: an argument is wrong.
        ConfigurationError: the store cannot be opened.

    Attributes:
        session_id: id of the session and of its thread.
        session_settings: the settings that were given.

    Example:
        session = StoreSession("conversation-7", store, resource_id="user-1")
        await session.add_items([{"role": "user", "content": "Hello"}])
        assert await session.get_items() == [{"role": "user", "content": "Hello"}]
        [thread] = (await store.memory.list_threads(resource_id="user-1")).threads
        assert thread.id == "conversation-7"
    """

    def __init__(
        self,
        session_id: str,
        store: StoreSource = None,
        *,
        resource_id: str | None = None,
        session_settings: SessionSettings | None = None,
        keep_item: bool = True,
        show_parts: bool = True,
    ) -> None:
        if not keep_item and not show_parts:
            raise ValidationError("keep_item and show_parts are both False, which would store nothing")
        super().__init__(store)
        self.session_id = session_id
        self.session_settings: SessionSettings | None = session_settings
        self._thread = {"id": session_id, "resource_id": session_id if resource_id is None else resource_id}
        self._keeps_item = keep_item
        self._shows_parts = show_parts
        self._log = self.store.memory.items(KEY)

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Returns the newest items, the oldest of them first.

        Args:
            limit: number of items at most, and none if it is below 1; without it that of the settings, else all. Items
                that are damaged do not count.

        Returns:
            The items. Messages of other writers are given as items that say the same.

        Raises:
            ValidationError: `session_id` is none, or the limit is no integer.
        """
        if limit is None and self.session_settings is not None:
            limit = self.session_settings.limit
        return await latest_items(self._log, self.session_id, limit, items_of)

    async def add_items(self, items: list[Any]) -> None:
        """Appends items, all of them or none, after all that the session has. The clock plays no part in their order.

        Raises:
            ValidationError: an item is no JSON value.
            TooLargeError: the batch is too large for one commit (12 MiB); nothing was written.
        """
        if items:
            await self._log.append(self._thread, await each(self._new_item, items))

    async def pop_item(self) -> Any:
        """Takes the newest item out of the session and returns it; None when there is none.

        Concurrent calls get different items. A message of another writer is taken whole, and its last item returned.

        Raises:
            ConflictError: others changed the session at each of 1,000 attempts; the call may be retried.
        """
        while (popped := await self._log.pop(self.session_id)) is not None:
            if items := await read_items([popped], items_of):
                return items[-1]
        return None

    async def clear_session(self) -> None:
        """Deletes all messages of the session; its thread stays."""
        await self._log.clear(self.session_id)

    def _new_item(self, item: Any) -> NewItem:
        role, parts = parts_of(item)
        return new_item(item, role, parts, name=DATA, keeps_item=self._keeps_item, shows_parts=self._shows_parts)
