"""Threads, messages and resources as Python sees them (docs/contract.md, "Threads", "Messages" and "Resources")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WrapValidator

from mastra_convex.contract.models import (
    Id,
    Record,
    StoredObject,
    UtcDatetime,
    checked_when_given,
    exactly,
    is_stored,
    new_id,
)
from mastra_convex.contract.pages import Page
from mastra_convex.rows.times import now
from mastra_convex.rows.values import MAX_SAFE_INTEGER

Role = Literal["user", "assistant", "system", "signal"]

ThreadOrder = Literal["created_at", "-created_at", "updated_at", "-updated_at"]
MessageOrder = Literal["created_at", "-created_at"]


def _text_content(text: str) -> dict[str, Any]:
    return {"format": 2, "parts": [{"type": "text", "text": text}]}


def _content(value: Any, info: ValidationInfo) -> Any:
    """Text becomes content with one text part; a stored value that is no object does too, as nothing may be lost."""
    if isinstance(value, str):
        return _text_content(value)
    if is_stored(info) and not isinstance(value, Mapping):
        return _text_content(str(value))
    return value


Content = Annotated[dict[str, Any], BeforeValidator(_content), exactly(dict)]
StoredRole = Annotated[Role, WrapValidator(checked_when_given), exactly(str)]


class Thread(Record):
    """A conversation of a resource (a user, a project, ...)."""

    id: Id = Field(default_factory=new_id)
    resource_id: str
    title: str = ""
    metadata: StoredObject = Field(default_factory=dict)
    created_at: UtcDatetime = Field(default_factory=now)
    updated_at: UtcDatetime = Field(default_factory=now)


class Message(Record):
    """A message of a thread.

    `content` is Mastra's format 2: `{"format": 2, "parts": [...], "metadata"?: {...}, ...}`; a `str` becomes one
    text part.
    """

    id: Id = Field(default_factory=new_id)
    thread_id: Id
    resource_id: str | None = None
    role: StoredRole
    content: Content
    type: str = "v2"
    created_at: UtcDatetime = Field(default_factory=now)

    if TYPE_CHECKING:  # as pydantic has it, but with text as content, which the type of the attribute does not say

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
        """The text parts of the content, joined by line breaks."""
        parts: Any = self.content.get("parts")
        if not isinstance(parts, list):
            return ""
        texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
        return "\n".join(text for text in texts if isinstance(text, str))


class MessageUpdate(Record):
    """What to change of a message. `content` is merged: new members over old ones, its `metadata` one level deeper."""

    id: Id
    thread_id: Id | None = None
    resource_id: str | None = None
    role: Role | None = None
    type: str | None = None
    content: Content | None = None

    if TYPE_CHECKING:  # as above

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
    """What is remembered of a resource across threads: working memory (text) and metadata."""

    id: Id = Field(default_factory=new_id)
    working_memory: str | None = None
    metadata: StoredObject = Field(default_factory=dict)
    created_at: UtcDatetime = Field(default_factory=now)
    updated_at: UtcDatetime = Field(default_factory=now)


class Include(Record):
    """A message to add to a page, with neighbours from its own thread."""

    id: Id
    thread_id: str | None = None
    with_previous_messages: int = Field(default=0, ge=0, le=MAX_SAFE_INTEGER)
    with_next_messages: int = Field(default=0, ge=0, le=MAX_SAFE_INTEGER)


class ThreadPage(Page):
    threads: list[Thread]


class MessagePage(Page):
    messages: list[Message]


class ThreadClone(BaseModel):
    """A copied thread, its copied messages in order, and the new id of each copied message by its old one."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    thread: Thread
    cloned_messages: list[Message]
    message_id_map: dict[str, str]
