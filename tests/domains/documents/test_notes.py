"""The example of docs/adding-a-domain.md: a domain whose table is not in any deployed schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.examples import notes as example
from docs.examples.notes import NOTES, Note, NotePage, NotesStore
from mastra_convex import ConvexStore, ValidationError
from mastra_convex.deploy.convex_schema import schema_ts
from mastra_convex.domain import DomainStore
from mastra_convex_domains import DocumentsStore, MemoryStore
from tests.data import at, messages, thread
from tests.watching import watching

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="session")
def mastra_domains() -> list[type[DomainStore]]:
    return [MemoryStore, DocumentsStore, NotesStore]


@pytest.fixture
def notes(mastra_store: ConvexStore) -> NotesStore:
    return mastra_store.domain(NotesStore)


def note(n: int, *, thread_id: str = "t1") -> Note:
    return Note(id=f"{thread_id}-n{n}", thread_id=thread_id, text=f"note {n}", tags=["标签", "$x"], created_at=at(n))


def ids(page: NotePage) -> list[str]:
    return [found.id for found in page.notes]


async def test_notes_come_back_newest_first(notes: NotesStore) -> None:
    for n in (2, 0, 3, 1):
        await notes.save_note(note(n))
    await notes.save_note({"threadId": "t2", "text": "elsewhere"})
    page = await notes.list_notes("t1", per_page=3)
    assert (ids(page), page.total, page.has_more) == (["t1-n3", "t1-n2", "t1-n1"], 4, True)
    assert page.notes[0] == note(3)
    page = await notes.list_notes("t1", page=1, per_page=3)
    assert (ids(page), page.has_more) == (["t1-n0"], False)


async def test_a_note_is_replaced_and_deleted(notes: NotesStore) -> None:
    await notes.save_note(note(0))
    changed = await notes.save_note(note(0).model_copy(update={"text": "changed"}))
    assert (await notes.list_notes("t1")).notes == [changed]
    await notes.delete_note("t1-n0")
    assert (await notes.list_notes("t1")).total == 0


async def test_notes_are_watched(mastra_store: ConvexStore, notes: NotesStore) -> None:
    async with watching(notes.watch_notes("t1", per_page=2)) as pages:
        assert ids(await pages.next()) == []
        for n in (1, 0, 2):
            await mastra_store.documents.put("elsewhere", record={"id": str(n)})  # in the same table
            await notes.save_note(note(n))
            page = await pages.next()
            assert page == await notes.list_notes("t1", per_page=2)
        assert (ids(page), page.total) == (["t1-n2", "t1-n1"], 3)


async def test_a_thread_takes_its_notes_along(mastra_store: ConvexStore, notes: NotesStore) -> None:
    for id in ("t1", "t2"):
        await mastra_store.memory.save_thread(thread(id))
        await mastra_store.memory.save_messages(messages(3, thread_id=id))
        for n in range(3):
            await notes.save_note(note(n, thread_id=id))
    await mastra_store.memory.delete_thread("t1")
    assert ids(await notes.list_notes("t1")) == []
    assert ids(await notes.list_notes("t2")) == ["t2-n2", "t2-n1", "t2-n0"]


async def test_notes_are_documents(mastra_store: ConvexStore, notes: NotesStore) -> None:
    await notes.save_note(note(0))
    await mastra_store.documents.put("other", record={"id": "a", "threadId": "t1"})
    [document] = (await mastra_store.documents.list(NOTES.name)).documents
    assert document == {
        "id": "t1-n0",
        "threadId": "t1",
        "text": "note 0",
        "tags": ["标签", "$x"],
        "createdAt": "2026-01-01T00:00:00.000Z",
    }
    await notes.dangerously_clear_all()
    assert (await mastra_store.documents.list(NOTES.name)).total == 0
    assert (await mastra_store.documents.list("other")).total == 1


async def test_arguments_are_checked_as_in_any_domain(notes: NotesStore) -> None:
    with pytest.raises(ValidationError, match=r"note\.text"):
        await notes.save_note({"threadId": "t1"})
    with pytest.raises(ValidationError, match="per_page"):
        await notes.list_notes("t1", per_page=-1)


def test_nothing_is_deployed_for_notes() -> None:
    assert NOTES.name not in schema_ts([*NotesStore.tables, *DocumentsStore.tables])


def test_the_walk_through_shows_the_code_of_the_example() -> None:
    code = Path(example.__file__).read_text(encoding="utf-8")
    text = (DOCS / "adding-a-domain.md").read_text(encoding="utf-8")
    tests = Path(__file__).read_text(encoding="utf-8")
    for language, shown, least in (("python", code, 3), ("py", tests, 2)):
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert len(blocks) >= least
        for block in blocks:
            assert block in shown
