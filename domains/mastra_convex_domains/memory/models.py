"""Defines threads, messages and resources (docs/contract.md, "Threads", "Messages" and "Resources")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WrapValidator

from mastra_convex.domain import (
    MAX_SAFE_INTEGER,
    Id,
    Page,
    Record,
    StoredObject,
    UtcDatetime,
    checked_when_given,
    exactly,
    is_stored,
    new_id,
    now,
)

Role = Literal["user", "assistant", "system", "signal"]

ThreadOrder = Literal["created_at", "-created_at", "updated_at", "-updated_at"]
MessageOrder = Literal["created_at", "-created_at"]


def _text_content(text: str) -> dict[str, Any]:
    return {"format": 2, "parts": [{"type": "text", "text": text}]}


def _content(value: Any, info: ValidationInfo) -> Any:
    """Turns text into content with one text part.

    A stored value that is not an object is turned into such content too, so that nothing is lost.
    """
    if isinstance(value, str):
        return _text_content(value)
    if is_stored(info) and not isinstance(value, Mapping):
        return _text_content(str(value))
    return value


Content = Annotated[dict[str, Any], BeforeValidator(_content), exactly(dict)]
StoredRole = Annotated[Role, WrapValidator(checked_when_given), exactly(str)]


class Thread(Record):
    """Represents a conversation of a resource (a user, a project, ...).

    Example:
        thread = await store.memory.save_thread(Thread(resource_id="user-1", title="Trip"))
        found = await store.memory.get_thread_by_id(thread.id)
        assert found is not None and found.title == "Trip"
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the thread; a new UUID by default."""
    resource_id: str
    """Names the resource that the thread belongs to."""
    title: str = ""
    """Names the thread for people."""
    metadata: StoredObject = Field(default_factory=dict)
    """Holds any JSON members of the program's own."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when the thread was made, in UTC; now by default."""
    updated_at: UtcDatetime = Field(default_factory=now)
    """Records when the thread was last changed, in UTC; now by default."""


class Message(Record):
    """Represents a message of a thread.

    Example:
        message = Message(thread_id="trip", resource_id="user-1", role="user", content="Hello")
        assert message.text == "Hello"
        assert message.content["parts"] == [{"type": "text", "text": "Hello"}]
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the message; a new UUID by default."""
    thread_id: Id
    """Names the thread of the message, which need not exist."""
    resource_id: str | None = None
    """Names the resource of the message. `save_messages` requires it."""
    role: StoredRole
    """Names the author: `user`, `assistant`, `system` or `signal`."""
    content: Content
    """Holds the content in Mastra's format 2: `{"format": 2, "parts": [...], "metadata"?: {...}, ...}`; a `str` becomes
    one text part.
    """
    type: str = "v2"
    """Names the format of the message."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when the message was made, in UTC; now by default. Lists are ordered by it."""

    if TYPE_CHECKING:  # the constructor also takes text as content, which the type of the field does not show

        def __init__(
            self,
            *,
            id: str = ...,
            thread_id: str,
            resource_id: str | None = None,
            role: Role,
            content: dict[str, Any] | str,
            type: str = "v2",
            created_at: datetime = ...,
        ) -> None: ...

    @property
    def text(self) -> str:
        """Returns the text parts of the content, joined by line breaks."""
        parts: Any = self.content.get("parts")
        if not isinstance(parts, list):
            return ""
        texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
        return "\n".join(text for text in texts if isinstance(text, str))


class MessageUpdate(Record):
    """Names a message and the fields to change; a field that is None stays as it is.

    Example:
        message = Message(thread_id="trip", resource_id="user-1", role="user", content="Hello")
        await store.memory.save_messages([message])
        update = MessageUpdate(id=message.id, content={"metadata": {"read": True}})
        [changed] = await store.memory.update_messages([update])
        assert changed.text == "Hello" and changed.content["metadata"] == {"read": True}
    """

    id: Id
    """Identifies the message to change."""
    thread_id: Id | None = None
    """Moves the message to this thread."""
    resource_id: str | None = None
    """Replaces the resource of the message."""
    role: Role | None = None
    """Replaces the role."""
    type: str | None = None
    """Replaces the type."""
    content: Content | None = None
    """Merges into the content: new members over old ones, members of `metadata` one level deeper."""

    if TYPE_CHECKING:  # as in Message

        def __init__(
            self,
            *,
            id: str,
            thread_id: str | None = None,
            resource_id: str | None = None,
            role: Role | None = None,
            type: str | None = None,
            content: dict[str, Any] | str | None = None,
        ) -> None: ...


class Resource(Record):
    """Represents the data of a resource that all its threads share: working memory and metadata.

    Example:
        await store.memory.save_resource(Resource(id="user-1", working_memory="Likes tea"))
        resource = await store.memory.get_resource_by_id("user-1")
        assert resource is not None and resource.working_memory == "Likes tea"
    """

    id: Id = Field(default_factory=new_id)
    """Identifies the resource; a new UUID by default."""
    working_memory: str | None = None
    """Holds the text that the agent remembers of the resource, or None."""
    metadata: StoredObject = Field(default_factory=dict)
    """Holds any JSON members of the program's own."""
    created_at: UtcDatetime = Field(default_factory=now)
    """Records when the resource was made, in UTC; now by default."""
    updated_at: UtcDatetime = Field(default_factory=now)
    """Records when the resource was last changed, in UTC; now by default."""


class ResourceUpdate(Record):
    """Names the fields of a resource to change; a field that is None stays as it is.

    Example:
        def append(resource: Resource) -> ResourceUpdate:
            return ResourceUpdate(working_memory=(resource.working_memory or "") + "Likes tea. ")

        resource = await store.memory.update_resource("user-1", update=append)
        assert resource.working_memory == "Likes tea. "
    """

    working_memory: str | None = None
    """Replaces the text that the agent remembers of the resource; `""` is a value."""
    metadata: StoredObject | None = None
    """Merges into the metadata: new members over old ones, first level only."""


class Include(Record):
    """Requests a message to add to a page, with its neighbours from its own thread.

    Example:
        message = Message(thread_id="trip", resource_id="user-1", role="user", content="Hello")
        await store.memory.save_messages([message])
        wanted = Include(id=message.id, with_previous_messages=2)
        page = await store.memory.list_messages("other", include=[wanted], per_page=0)
        assert [each.id for each in page.messages] == [message.id]
    """

    id: Id
    """Identifies the message."""
    thread_id: str | None = None
    """Is ignored, as the stored message has its thread; Mastra's entries may contain it."""
    with_previous_messages: int = Field(default=0, ge=0, le=MAX_SAFE_INTEGER)
    """Counts the messages to add that come before it."""
    with_next_messages: int = Field(default=0, ge=0, le=MAX_SAFE_INTEGER)
    """Counts the messages to add that come after it."""


class ThreadPage(Page):
    """Holds one page of a list of threads.

    Example:
        await store.memory.save_thread({"resource_id": "user-1"})
        page = await store.memory.list_threads(resource_id="user-1")
        assert page.total == len(page.threads) == 1 and not page.has_more
    """

    threads: list[Thread]
    """Lists the threads of the page, in the order asked for."""


class MessagePage(Page):
    """Holds one page of a list of messages.

    Example:
        message = Message(thread_id="trip", resource_id="user-1", role="user", content="Hello")
        await store.memory.save_messages([message])
        page = await store.memory.list_messages("trip")
        assert page.total == 1 and page.messages[0].text == "Hello"
    """

    messages: list[Message]
    """Lists the messages of the page and the included ones, in the order asked for."""


class ThreadClone(BaseModel):
    """Holds a copied thread and its copied messages.

    Example:
        thread = await store.memory.save_thread({"resource_id": "user-1", "title": "Trip"})
        copy = await store.memory.clone_thread(thread.id)
        assert copy.thread.title == "Clone of Trip" and copy.cloned_messages == []
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    thread: Thread
    """Holds the new thread."""
    cloned_messages: list[Message]
    """Lists the new messages by creation time."""
    message_id_map: dict[str, str]
    """Maps the id of each copied message to the id of its copy."""
