"""Messages: saving, changing, deleting (docs/contract.md, "Messages")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mastra_convex.contract.arguments import texts
from mastra_convex.contract.models import about, parse_list
from mastra_convex.domain import DomainStore
from mastra_convex.engine.client import batches, in_parts
from mastra_convex.engine.protocol import Delete, Get, Patch, Put, UnchangedGuard
from mastra_convex.errors import ValidationError
from mastra_convex.rows.changes import Change, Edit
from mastra_convex.rows.codec import encode_columns
from mastra_convex.rows.sizes import value_size
from mastra_convex.rows.values import Row, clean, from_json, to_json

from .messages import message_row, stored_message
from .models import Message, MessageUpdate
from .tables import MESSAGES
from .threads import touch_threads

_KEYS_PER_COMMIT = 400
"""Messages that one commit changes or deletes, with their threads: at most 8 index ranges each."""

_CHANGED_BYTES = 4 << 20
"""Of messages in one commit; each is read three times to be found, changed and returned."""


class WriteMethods(DomainStore):
    """The methods of MemoryStore that write messages."""

    async def save_messages(self, messages: Sequence[Message | Mapping[str, Any]]) -> list[Message]:
        """Stores messages under their ids, the last of one id winning, and sets `updated_at` of their threads to now.

        All in one atomic commit; what one commit cannot hold (some 1,900 messages, or 12 MiB) is split in order,
        each part atomic. A message of more than 12 MiB appears at once, after what it holds was sent. A thread that
        does not exist is no error. Every message needs a `resource_id`. Raises TooLargeError for a value of more than
        128 MiB, before anything of its part is sent. Returns the messages by creation time, without those of role
        `system`, which are stored all the same (docs/contract.md, "System messages").
        """
        operation = "SAVE_MESSAGES"
        checked = parse_list(Message, messages, "messages", operation=operation)
        rows: dict[str, Row] = {}
        for n, message in enumerate(checked):
            if message.resource_id is None:
                raise ValidationError(f"messages[{n}].resource_id is required", operation=operation)
            with about(f"messages[{n}]"):
                rows[message.id] = message_row(message)
        for batch in batches(rows.values(), touching="thread_id"):
            # Existing rows are read to be replaced; larger ones than these may not fit one transaction.
            await in_parts(batch, self._put)
        last = {message.id: message for message in checked}.values()
        return sorted((each for each in last if each.role != "system"), key=lambda message: message.created_at)

    async def update_messages(self, messages: Sequence[MessageUpdate | Mapping[str, Any]]) -> list[Message]:
        """Changes what is given of each message; unknown ids are skipped. Returns the changed messages.

        `content` is merged: new members over old ones, and its `metadata` one level deeper, so concurrent updates
        are all kept. Sets `updated_at` of the threads, on a move of both. Two round trips; atomic up to 400 messages
        or 4 MiB, with what is stored of them.
        """
        operation = "UPDATE_MESSAGES"
        changes: list[_Change] = []
        for n, update in enumerate(parse_list(MessageUpdate, messages, "messages", operation=operation)):
            with about(f"messages[{n}]"):
                changes.append(_Change(update))
        changed: dict[str, Message] = {}
        for n in range(0, len(changes), _KEYS_PER_COMMIT):
            changed |= await self._update(changes[n : n + _KEYS_PER_COMMIT])
        return list(changed.values())

    async def delete_messages(self, message_ids: Sequence[str]) -> None:
        """Deletes messages and sets `updated_at` of their threads to now; unknown ids are no error."""
        ids = texts(message_ids, "message_ids", operation="DELETE_MESSAGES")
        for n in range(0, len(ids), _KEYS_PER_COMMIT):
            await in_parts(ids[n : n + _KEYS_PER_COMMIT], self._delete)

    async def _put(self, rows: Sequence[Row]) -> None:
        threads = list(dict.fromkeys(row["thread_id"] for row in rows))
        await self._records.commit([Put(table=MESSAGES.name, rows=rows), touch_threads(threads)])

    async def _delete(self, ids: Sequence[str]) -> None:
        keys = [[id] for id in ids]
        found = await self._records.read(Get(table=MESSAGES.name, keys=keys, paths=[["thread_id"]]))
        threads = dict.fromkeys(from_json(row[0] or "null") for row in found.values or () if row is not None)
        await self._records.commit([Delete(table=MESSAGES.name, keys=keys), touch_threads(list(threads))])

    async def _update(self, changes: Sequence[_Change]) -> dict[str, Message]:
        keys = [[change.id] for change in changes]
        found = await self._records.read(Get(table=MESSAGES.name, keys=keys, fingerprints=True))
        prepared = [
            change.prepare(row, fingerprint)
            for change, row, fingerprint in zip(changes, found.rows, found.fingerprints or (), strict=True)
            if row is not None
        ]
        changed: dict[str, Message] = {}
        for part in _parts(prepared):
            ids = list(dict.fromkeys(each.change.id for each in part))
            threads = dict.fromkeys(thread for each in part for thread in each.threads)
            result = await self._records.commit(
                [*(each.patch for each in part), touch_threads(list(threads))],
                guards=[guard for each in part for guard in each.guards],
                returning=[Get(table=MESSAGES.name, keys=[[id] for id in ids])],
            )
            if result.status == "conflict":  # somebody else has made an object of a text
                changed |= await self._update([each.change for each in part])
            else:
                changed |= {row["id"]: stored_message(row) for row in result.returned[0].rows if row is not None}
        return changed


class _Change:
    """What an update asks for."""

    def __init__(self, update: MessageUpdate) -> None:
        self.id = update.id
        self._thread_id = update.thread_id
        self._edits = [] if update.content is None else _content_edits(update.content)
        self._columns = encode_columns(
            MESSAGES,
            {
                "thread_id": update.thread_id,
                "resourceId": update.resource_id,
                "role": update.role,
                "type": update.type,
            },
        )

    def prepare(self, row: Row, fingerprint: str | None) -> _Prepared:
        """What it does to a stored message."""
        edits, guards = self._edits, list[UnchangedGuard]()
        if edits and not _is_object(row["content"]):
            # Older content is plain text: made an object first, a merge keeps it.
            edits = [Edit(path=["content"], reducer="set", value=to_json(stored_message(row).content)), *edits]
            guards = [UnchangedGuard(table=MESSAGES.name, key=[self.id], fingerprint=fingerprint or "")]
        return _Prepared(
            change=self,
            patch=Patch(table=MESSAGES.name, keys=[[self.id]], change=Change(set=self._columns, edits=edits)),
            guards=guards,
            threads=(row["thread_id"], self._thread_id or row["thread_id"]),
            size=value_size(row) + sum(len(edit.value) for edit in edits),
        )


@dataclass(frozen=True)
class _Prepared:
    change: _Change
    patch: Patch
    guards: Sequence[UnchangedGuard]
    threads: Sequence[str]
    size: int


def _parts(prepared: Iterable[_Prepared]) -> Iterator[list[_Prepared]]:
    """Prepared changes in order, in lists that one commit holds."""
    part: list[_Prepared] = []
    size = 0
    for each in prepared:
        if part and size + each.size > _CHANGED_BYTES:
            yield part
            part, size = [], 0
        part.append(each)
        size += each.size
    if part:
        yield part


def _is_object(content: Any) -> bool:
    try:
        return isinstance(from_json(content), dict)
    except ValueError:
        return False


def _content_edits(content: Mapping[str, Any]) -> list[Edit]:
    """New members over old ones, metadata one level deeper."""
    members = cast(dict[str, Any], clean(dict(content), "content"))
    metadata = members.get("metadata")
    edits: list[Edit] = []
    if isinstance(metadata, dict):
        del members["metadata"]
        edits = [Edit(path=["content", "metadata"], reducer="merge", value=to_json(metadata))]
    return [Edit(path=["content"], reducer="merge", value=to_json(members)), *edits]
