"""Saves, changes and deletes messages (docs/contract.md, "Messages")."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple, cast

from mastra_convex.domain import (
    MAX_CONFLICTS,
    Change,
    CommitResult,
    Delete,
    DomainStore,
    Edit,
    Get,
    Patch,
    Row,
    UnchangedGuard,
    about,
    batches,
    clean,
    each,
    encode_columns,
    from_json,
    in_parts,
    items,
    kept_changing,
    parse,
    parse_list,
    texts,
    to_json,
    value_size,
)
from mastra_convex.errors import ValidationError

from .messages import message_row, stored_message
from .models import Message, MessageUpdate, Thread
from .saving import IfExists, NewRow, Saver
from .tables import MESSAGES
from .threads import put_if_missing, touch_threads

_KEYS_PER_COMMIT = 400
"""One commit changes or deletes at most so many messages, as Convex opens up to 8 index ranges for each."""

_CHANGED_BYTES = 4 << 20
"""One commit changes messages of at most so many bytes, as it reads each three times (to find, change, return it)."""


class WriteMethods(DomainStore):
    """Adds the methods that write messages to MemoryStore."""

    async def save_messages(
        self,
        messages: Sequence[Message | Mapping[str, Any]],
        *,
        if_exists: IfExists = "replace",
        thread: Thread | Mapping[str, Any] | None = None,
    ) -> list[Message]:
        """Stores messages under their ids and sets `updated_at` of their threads to now.

        A message that is saved again without `created_at` keeps the stored time, and so its place in the thread.
        Of several messages with one id the last is stored. All are written in one atomic commit; more than one commit
        can hold (about 1,900 messages or 12 MiB) are split in order, each part atomic. A message of more than 12 MiB
        becomes visible as a whole, after all its parts were sent. The threads need not exist.

        Args:
            messages: messages to store, each with a `resource_id`.
            if_exists: `replace` stores a message over the one with its id; `keep` leaves that as it is; `error` raises
                ConflictError.
            thread: the thread of all these messages. It is stored in the same commit when it does not exist; an
                existing one stays as it is.

        Returns:
            The messages as they are stored now, by creation time, without those of role `system`, which are stored too
            (docs/contract.md, "System messages").

        Raises:
            ValidationError: an argument is wrong, a message has no `resource_id` or belongs to another thread than the
                given one.
            ConflictError: messages exist, and `if_exists` is `error`. Nothing was written; of messages that several
                commits are needed for, those of the commits before, if others stored one of the rest meanwhile.
            TooLargeError: a value is larger than 128 MiB; nothing of its part is sent.
        """
        operation = "SAVE_MESSAGES"
        saver = Saver(self._records, MESSAGES, if_exists=if_exists, operation=operation)
        parent = None if thread is None else parse(Thread, thread, "thread", operation=operation)
        created = [] if parent is None else [put_if_missing(parent)]

        def prepare(numbered: tuple[int, Any]) -> _New:
            n, given = numbered
            message = parse(Message, given, f"messages[{n}]", operation=operation)
            if message.resource_id is None:
                raise ValidationError(f"messages[{n}].resource_id is required", operation=operation)
            if parent is not None and message.thread_id != parent.id:
                raise ValidationError(
                    f"messages[{n}].thread_id must be that of the given thread, {parent.id!r}", operation=operation
                )
            with about(f"messages[{n}]"):
                return _New(message, message_row(message), "created_at" in message.model_fields_set)

        async def save(part: Sequence[Row]) -> None:
            threads = list(dict.fromkeys(row["thread_id"] for row in part))
            new = [NewRow(row, last[row["id"]].has_time) for row in part]
            otherwise.update(await saver.save(new, also=[*created, touch_threads(threads)]))

        prepared = await each(prepare, enumerate(items(messages, "messages", operation=operation)))
        last = _last_of_each_id(prepared)
        otherwise: dict[str, Row] = {}
        parts = list(batches((each.row for each in last.values()), touching="thread_id"))
        if len(parts) > 1:
            await saver.check_missing(list(last))
        for part in parts:
            # Existing rows are read to be replaced; larger ones than these may not fit one transaction.
            await in_parts(part, save)
        if created and not parts:
            await self._records.commit(created)
        stored = [stored_message(otherwise[id]) if id in otherwise else each.message for id, each in last.items()]
        return sorted((message for message in stored if message.role != "system"), key=attrgetter("created_at"))

    async def update_messages(self, messages: Sequence[MessageUpdate | Mapping[str, Any]]) -> list[Message]:
        """Changes the given fields of each message and returns the changed messages; unknown ids are skipped.

        `content` is merged: new members over old ones, members of its `metadata` one level deeper. Concurrent updates
        are all kept. `updated_at` of the threads is set to now; when a message moves, of both its threads. This takes
        two round trips and is atomic up to 400 messages or 4 MiB, the stored messages included.

        Raises:
            ValidationError: an update is wrong.
            ConflictError: others changed the messages at each of 1,000 attempts; the call may be retried.
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

    async def _delete(self, ids: Sequence[str]) -> None:
        keys = [[id] for id in ids]
        found = await self._records.read(Get(table=MESSAGES.name, keys=keys, paths=[["thread_id"]]))
        threads = dict.fromkeys(from_json(row[0] or "null") for row in found.values or () if row is not None)
        await self._records.commit([Delete(table=MESSAGES.name, keys=keys), touch_threads(list(threads))])

    async def _update(self, changes: Sequence[_Change]) -> dict[str, Message]:
        changed: dict[str, Message] = {}
        for _ in range(MAX_CONFLICTS):
            parts = deque(_parts(await self._prepared(changes)))
            while parts:
                result = await self._commit_changes(parts[0])
                if result.status == "conflict":  # another update has turned a text into an object
                    break
                found = await each(stored_message, filter(None, result.returned[0].rows))
                changed |= {message.id: message for message in found}
                parts.popleft()
            if not parts:
                return changed
            changes = [each.change for part in parts for each in part]
        raise kept_changing("messages", "UPDATE_MESSAGES")

    async def _prepared(self, changes: Sequence[_Change]) -> list[_Prepared]:
        keys = [[change.id] for change in changes]
        found = await self._records.read(Get(table=MESSAGES.name, keys=keys, fingerprints=True))
        return [
            change.prepare(row, fingerprint)
            for change, row, fingerprint in zip(changes, found.rows, found.fingerprints or (), strict=True)
            if row is not None
        ]

    async def _commit_changes(self, part: Sequence[_Prepared]) -> CommitResult:
        ids = list(dict.fromkeys(each.change.id for each in part))
        threads = dict.fromkeys(thread for each in part for thread in each.threads)
        return await self._records.commit(
            [*(each.patch for each in part), touch_threads(list(threads))],
            guards=[guard for each in part for guard in each.guards],
            returning=[Get(table=MESSAGES.name, keys=[[id] for id in ids])],
        )


class _New(NamedTuple):
    """Holds a checked message, its row, and whether the caller gave its time."""

    message: Message
    row: Row
    has_time: bool

    def at_the_time_of(self, other: _New) -> _New:
        """Returns this message made when another was made."""
        message = self.message.model_copy(update={"created_at": other.message.created_at})
        return _New(message, {**self.row, "createdAt": other.row["createdAt"]}, other.has_time)


def _last_of_each_id(prepared: Iterable[_New]) -> dict[str, _New]:
    """Maps each id to its last message, at the time that was given last, as if they were saved one after another."""
    last: dict[str, _New] = {}
    for new in prepared:
        before = last.get(new.message.id)
        last[new.message.id] = new if before is None or new.has_time else new.at_the_time_of(before)
    return last


class _Change:
    """Holds a checked update and applies it to the stored message."""

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
        """Returns the patch of a stored message, with the guards that it needs."""
        edits, guards = self._edits, list[UnchangedGuard]()
        if edits and not _is_object(row["content"]):
            # Older content is plain text. It is made an object first, so that the merge keeps it.
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
    """Splits prepared changes, in order, into lists that fit one commit each."""
    part: list[_Prepared] = []
    size = 0
    for one in prepared:
        if part and size + one.size > _CHANGED_BYTES:
            yield part
            part, size = [], 0
        part.append(one)
        size += one.size
    if part:
        yield part


def _is_object(content: Any) -> bool:
    try:
        return isinstance(from_json(content), dict)
    except ValueError:
        return False


def _content_edits(content: Mapping[str, Any]) -> list[Edit]:
    """Returns edits that merge new members over old ones, members of `metadata` one level deeper."""
    members = cast(dict[str, Any], clean(dict(content), "content"))
    metadata = members.get("metadata")
    edits: list[Edit] = []
    if isinstance(metadata, dict):
        del members["metadata"]
        edits = [Edit(path=["content", "metadata"], reducer="merge", value=to_json(metadata))]
    return [Edit(path=["content"], reducer="merge", value=to_json(members)), *edits]
