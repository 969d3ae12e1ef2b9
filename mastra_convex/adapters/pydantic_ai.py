"""Keeps the conversations of pydantic-ai in threads (docs/adapters/pydantic-ai.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic_ai.conversation_store import (
    ConversationConflict,
    ConversationEntry,
    ConversationRecord,
    ConversationStore,
)

from mastra_convex.adapters.opening import OverStore, StoreSource
from mastra_convex.adapters.projection import NewItem, item_text, new_item
from mastra_convex.adapters.pydantic_ai_parts import DATA, parts_of
from mastra_convex.domain import Edit, each, to_json
from mastra_convex.errors import ConflictError, ValidationError

if TYPE_CHECKING:
    from mastra_convex.domain import Guard

KEY: Final = "pydanticAi"
"""The member of the metadata in which entries and records are."""

_JSON: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")
_ENTRIES: Final = TypeAdapter(list[ConversationEntry], config=_JSON)
_RECORDS: Final = TypeAdapter(list[ConversationRecord], config=_JSON)


class StoreConversations(OverStore, ConversationStore):
    """Is a `ConversationStore` of pydantic-ai over a store: a conversation is a thread, each entry a message.

    A save is one commit. Calls that write end before a cancellation of their caller is raised, or have not begun.
    Mastra shows the threads; their resource is the scope of a conversation.

    A conversation that was forked keeps its thread when it is deleted, since forks share its entries; the thread goes
    with the last of the forks.

    Args:
        store: the store; or the path of a SQLite file to open; or None for the deployment that CONVEX_URL and
            CONVEX_ADMIN_KEY name. A store that the adapter opens it closes, by `aclose` or `async with`.
        resource_id: who owns the threads of conversations without a scope; the conversation id by default.
        show_parts: False shows nothing of the messages, in user interfaces and prompts of Mastra.

    Raises:
        ConfigurationError: the store cannot be opened.

    Example:
        conversations = StoreConversations(store)
        conversation = Conversation(conversation_id="c1", messages=[ModelRequest.user_text_prompt("Hello")])
        await conversations.save(conversation, scope="user-1")
        loaded = await conversations.load("c1")
        assert loaded is not None and loaded.messages == conversation.messages
        assert (await store.memory.list_threads(resource_id="user-1")).total == 1
    """

    def __init__(self, store: StoreSource = None, *, resource_id: str | None = None, show_parts: bool = True) -> None:
        super().__init__(store)
        self._log = self.store.memory.items(KEY)
        self._resource_id = resource_id
        self._shows_parts = show_parts

    async def read_record(self, conversation_id: str) -> ConversationRecord | None:
        """Returns the record of a conversation; None when there is none."""
        kept = await self._kept(conversation_id)
        return None if kept is None or kept.revision is None else kept.record

    async def read_records(self, *, scope: str | None = None, limit: int | None = None) -> Sequence[ConversationRecord]:
        """Returns records, the last saved first.

        Those of a scope are found by an index. Without a scope, all threads of the store are looked at.

        Args:
            scope: only records with this scope.
            limit: number of records at most; None for all.

        Returns:
            The records.
        """
        asked = limit
        while True:
            page = await self.store.memory.list_threads(
                resource_id=scope,
                per_page=False if asked is None else asked,
                include_total=False,
                order_by="-updated_at",
            )
            all_kept = await each(lambda one: _kept_in(one.id, one.resource_id, one.metadata), page.threads)
            records = [kept.record for kept in all_kept if kept is not None and kept.revision is not None]
            found = [record for record in records if scope is None or record.scope == scope]
            if limit is None or asked is None or not page.has_more or len(found) >= limit:
                return sorted(found, key=lambda record: record.updated_at, reverse=True)[:limit]
            asked *= 2  # some threads were no such conversations

    async def write_record(
        self,
        record: ConversationRecord,
        *,
        new_entries: Sequence[ConversationEntry] = (),
        expected_revision: str | None,
    ) -> None:
        """Stores a record and its new entries, all or nothing, in one commit.

        Args:
            record: the record.
            new_entries: the entries that are not stored yet, in order.
            expected_revision: revision of the record that it replaces; None when there must be none.

        Raises:
            ConversationConflict: another record is stored, or an entry that it needs is not; nothing was written.
            ValidationError: a message is no JSON, as with NaN in it; nothing was written.
        """
        id = record.conversation_id
        items = await each(self._new_item, new_entries)
        needed = {record.head_id, *(entry.parent_id for entry in new_entries)}
        needed -= {None, *(entry.id for entry in new_entries)}
        guards = [self._log.is_missing(entry.id) for entry in new_entries]
        guards += [self._log.exists(entry_id) for entry_id in needed if entry_id is not None]
        value = _RECORDS.dump_python([record], mode="json")[0]
        changes = self._log.change_thread(id, _edit("merge", {"revision": record.revision, "record": item_text(value)}))
        if expected_revision is None and record.forked_from is not None:
            guards.append(self._log.has(record.forked_from, _path("v"), 1))
            changes += self._log.change_thread(record.forked_from, _edit("add", 1, "forks"))
        resource_id = record.scope or self._resource_id or id
        thread = {"id": id, "resource_id": resource_id, "updated_at": record.updated_at}
        with _conflict_of(id):
            if expected_revision is not None:
                is_expected = self._log.has(id, _path("revision"), expected_revision)
                await self._log.append(thread, items, expects=[is_expected, *guards], also=changes)
                return
            try:
                first = {**thread, "metadata": {KEY: {"v": 1, "forks": 0}}}
                await self._log.append(first, items, expects=[self._log.is_new(id), *guards], also=changes)
            except ConflictError as error:
                if error.details.get("expects") != [0]:
                    raise
                # The thread of a conversation that was deleted, kept for its forks, is used again by its owner.
                is_deleted = self._log.has(id, _path("revision"), None)
                is_own = self._log.has(id, ["resourceId"], resource_id)
                await self._log.append(thread, items, expects=[is_deleted, is_own, *guards], also=changes)

    async def delete_record(self, conversation_id: str, *, expected_revision: str) -> None:
        """Deletes a conversation with its entries. One that was forked keeps its thread until the forks are gone.

        Args:
            conversation_id: id of the conversation.
            expected_revision: revision of its record.

        Raises:
            ConversationConflict: another record is stored, or none.
        """
        while True:
            kept = await self._kept(conversation_id)
            if kept is None or kept.revision != expected_revision:
                raise ConversationConflict(conversation_id)
            try:
                await (self._hide(kept) if kept.forks > 0 else self._remove(kept))
            except ConflictError as error:
                if "expects" not in error.details:
                    raise
                continue  # it was saved or forked meanwhile
            return

    async def read_entry(self, entry_id: str) -> ConversationEntry:
        """Returns an entry. KeyError when there is none with this id."""
        [stored] = await self._log.get([entry_id])
        if stored is None or stored.item is None:
            raise KeyError(entry_id)
        return _entry_of(stored.item)

    async def read_history(self, head_id: str | None, *, limit: int | None = None) -> list[ConversationEntry]:
        """Returns the entries up to a head, the first one first, in one round trip; a fork takes one more per source.

        Args:
            head_id: id of the last entry.
            limit: number of entries at most, the last ones; None for all.

        Returns:
            The entries.

        Raises:
            KeyError: an entry is missing.
        """
        entries: list[ConversationEntry] = []
        wanted = head_id
        while wanted is not None and (limit is None or len(entries) < limit):
            rest = None if limit is None else limit - len(entries)
            stored = [item.item for item in await self._log.until(wanted, limit=rest) if item.item is not None]
            found = {entry.id: entry for entry in await each(_entry_of, stored)}
            if wanted not in found:
                raise KeyError(wanted)
            while wanted in found and (limit is None or len(entries) < limit):
                entries.append(found[wanted])
                wanted = found[wanted].parent_id
        return entries[::-1]

    async def _kept(self, conversation_id: str) -> _Kept | None:
        thread = await self.store.memory.get_thread_by_id(conversation_id)
        return None if thread is None else _kept_in(thread.id, thread.resource_id, thread.metadata)

    async def _hide(self, kept: _Kept) -> None:
        """Leaves the thread without a record that is found, for its forks."""
        hides = self._log.change_thread(kept.id, _edit("set", None, "revision"))
        thread = {"id": kept.id, "resource_id": kept.resource_id}
        await self._log.append(thread, [], expects=self._unchanged(kept), also=hides)

    async def _remove(self, kept: _Kept) -> None:
        """Deletes a thread without forks, and then the one that was kept for it alone."""
        source_id = kept.record.forked_from
        released = [] if source_id is None else self._log.change_thread(source_id, _edit("add", -1, "forks"))
        await self._log.delete_thread(kept.id, expects=self._unchanged(kept), also=released)
        source = None if source_id is None else await self._kept(source_id)
        if source is not None and source.revision is None and source.forks <= 0:
            with suppress(ConflictError):  # it has a record or a fork again
                await self._remove(source)

    def _unchanged(self, kept: _Kept) -> list[Guard]:
        values = {"revision": kept.revision, "forks": kept.forks}
        return [self._log.has(kept.id, _path(name), value) for name, value in values.items()]

    def _new_item(self, entry: ConversationEntry) -> NewItem:
        try:
            value = _ENTRIES.dump_python([entry], mode="json")[0]
            role, parts = parts_of(value)
            made = new_item(value, role, parts, name=DATA, id=entry.id, shows_parts=self._shows_parts)
            _entry_of(made.item or "")
        except ValueError as error:
            problem = f"the message of entry {entry.id!r} cannot be stored: {error}"
            raise ValidationError(problem, operation="WRITE_RECORD") from error
        return made


@dataclass(frozen=True)
class _Kept:
    """Holds what a thread keeps of its conversation. Without a revision it was deleted, and is kept for its forks."""

    id: str
    resource_id: str
    record: ConversationRecord
    revision: str | None
    forks: int


def _kept_in(id: str, resource_id: str, metadata: Mapping[str, Any]) -> _Kept | None:
    match metadata.get(KEY):
        case {"record": str(record), "revision": str() | None as revision, "forks": int() | float() as forks}:
            return _Kept(id, resource_id, _record_of(record), revision, int(forks))
        case _:
            return None


def _entry_of(text: str) -> ConversationEntry:
    return _ENTRIES.validate_json(f"[{text}]")[0]


def _record_of(text: str) -> ConversationRecord:
    return _RECORDS.validate_json(f"[{text}]")[0]


def _path(name: str) -> list[str]:
    return ["metadata", KEY, name]


def _edit(reducer: Literal["set", "merge", "add"], value: Any, *names: str) -> Edit:
    return Edit(path=["metadata", KEY, *names], reducer=reducer, value=to_json(value))


@contextmanager
def _conflict_of(conversation_id: str) -> Iterator[None]:
    """Raises the framework's error where something does not hold that a write expected."""
    try:
        yield
    except ConflictError as error:
        if "expects" not in error.details:
            raise
        raise ConversationConflict(conversation_id) from error
