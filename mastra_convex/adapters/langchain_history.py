"""Keeps histories of LangChain's chats in threads (docs/adapters/langchain-history.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict

from mastra_convex.adapters.background_loop import loop_of
from mastra_convex.adapters.langchain_messages import DATA, items_of, parts_of
from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.adapters.projection import NewItem, latest_items, new_item
from mastra_convex.domain import each
from mastra_convex.errors import ValidationError

KEY: Final = "langchain"
"""The member of a message's metadata in which its item is."""


class StoreChatHistory(OverStore, BaseChatMessageHistory):
    """Keeps the messages of one chat in one thread: a `BaseChatMessageHistory` of LangChain.

    The asynchronous methods are atomic and take one round trip. A call that changes the history ends before a
    cancellation of its caller is raised, or has not begun. The synchronous ones do the same on a loop in the
    background; where an event loop runs they raise OnEventLoopError.

    Args:
        session_id: id of the chat, which is the id of the thread.
        store: the store; or the path of a SQLite file to open; or None for the deployment that CONVEX_URL and
            CONVEX_ADMIN_KEY name. A store that the history opens it closes, by `aclose` or `async with`.
        resource_id: who owns the thread, if the history makes it; the session id by default.
        limit: number of messages that are read at most, the newest; None for all.
        keep_item: False does not store messages of LangChain, only what is shown of them, so that nothing else reaches
            a browser. They are then read back from what is shown: text, files and tool calls.
        show_parts: False stores messages and shows nothing of them, in user interfaces and prompts of Mastra.

    Raises:
        ValidationError: an argument is wrong.
        ConfigurationError: the store cannot be opened.

    Example:
        from langchain_core.messages import HumanMessage

        history = StoreChatHistory("chat-1", store, resource_id="user-1")
        await history.aadd_messages([HumanMessage("Hello")])
        assert await history.aget_messages() == [HumanMessage("Hello")]
    """

    def __init__(
        self,
        session_id: str,
        store: StoreSource = None,
        *,
        resource_id: str | None = None,
        limit: int | None = None,
        keep_item: bool = True,
        show_parts: bool = True,
    ) -> None:
        if not keep_item and not show_parts:
            raise ValidationError("keep_item and show_parts are both False, which would store nothing")
        super().__init__(store)
        self.session_id = session_id
        self._thread = {"id": session_id, "resource_id": session_id if resource_id is None else resource_id}
        self._limit = limit
        self._keeps_item = keep_item
        self._shows_parts = show_parts
        self._log = self.store.memory.items(KEY)

    async def aget_messages(self) -> list[BaseMessage]:
        """Returns the messages, oldest first; those of other writers as messages that say the same."""
        items = await latest_items(self._log, self.session_id, self._limit, items_of)
        return await each(_message, items)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Appends messages, all of them or none, after all that the chat has.

        Raises:
            ValidationError: a message has something that is no JSON value.
            TooLargeError: the batch is too large for one commit (12 MiB); nothing was written.
        """
        if messages:
            await self._log.append(self._thread, await each(self._new_item, messages))

    async def aclear(self) -> None:
        """Deletes all messages of the chat; its thread stays."""
        await self._log.clear(self.session_id)

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """Returns the messages, for a thread without an event loop."""
        return loop_of(self.store).run(self.aget_messages())

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Appends messages, for a thread without an event loop."""
        loop_of(self.store).run(self.aadd_messages(messages))

    def clear(self) -> None:
        """Deletes all messages, for a thread without an event loop."""
        loop_of(self.store).run(self.aclear())

    def _new_item(self, message: BaseMessage) -> NewItem:
        item: dict[str, Any] = message_to_dict(message)
        role, parts = parts_of(item)
        return new_item(item, role, parts, name=DATA, keeps_item=self._keeps_item, shows_parts=self._shows_parts)


def _message(item: Any) -> BaseMessage:
    [message] = messages_from_dict([item])
    return message
