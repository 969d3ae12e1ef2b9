"""Every page over every backend, with hostile text in every field."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote_plus, urlsplit

from mastra_convex import ConvexStore
from mastra_convex.domain import HashingEmbedder
from mastra_convex.view.routes import PAGES
from mastra_convex_domains import MemoryStore
from tests.effort import some_backends
from tests.view.browsing import Checked, visiting
from tests.view.hostile import ATTACK, ID, MARKDOWN, fill

_KEY = quote_plus(ID)


@some_backends("sqlite", "convex-test")
async def test_every_page_shows_hostile_text_as_text(store: ConvexStore) -> None:
    await fill(store)
    async with visiting(store) as visitor:
        found = await visitor.all_pages()
        reached = {urlsplit(path).path for path in found}
        assert reached == set(PAGES) - {"/raw"}
        kinds = {urlsplit(path).path for path, page in found.items() if "<script>alert(1)</script>" in page.text}
        assert kinds == reached - {"/"}
        thread = found[next(path for path in found if path.startswith("/thread?"))]
        assert thread.text.count(ATTACK) > 10
        assert "the first 20,000 of 50,000 characters" in thread.text
        assert "http://evil.example/z" in thread.text  # as text


async def test_lists_are_narrowed_and_continued(store: ConvexStore) -> None:
    for n in range(60):
        await store.memory.save_thread({"id": f"t{n}", "resource_id": f"r{n % 2}", "title": f"Trip {n}"})
    for name, status in (("a", "success"), ("b", "failed"), ("b", "success")):
        await store.workflows.persist_workflow_snapshot(name, run_id=f"{name}-{status}", snapshot={"status": status})
    async with visiting(store) as visitor:
        first = await visitor.page("/threads?resource=")
        assert sum(link.startswith("/thread?") for link in first.links) == 50
        [following] = [link for link in first.links if "cursor=" in link]
        rest = await visitor.page(following)
        assert sum(link.startswith("/thread?") for link in rest.links) == 10
        assert "Trip 7" in (await visitor.page("/threads?resource=r1")).text
        found = await visitor.page("/threads?q=trip+59")
        assert [link for link in found.links if link.startswith("/thread?")] == ["/thread?id=t59"]
        assert "1 of the 60 threads" in " ".join(found.text.split())
        runs = await visitor.page("/runs?workflow=b&status=failed")
        assert [link for link in runs.links if link.startswith("/run?")] == ["/run?workflow=b&run=b-failed"]
        assert not [x for x in (await visitor.page("/runs?to=2020-01-01")).links if x.startswith("/run?")]
        names = await visitor.page("/workflows")
        assert [link for link in names.links if "workflow=" in link] == ["/runs?workflow=a", "/runs?workflow=b"]


async def test_a_vector_index_is_asked_with_a_text_and_with_a_stored_vector(store: ConvexStore) -> None:
    texts = ["green tea", "green teas", "bicycle"]
    vectors = await HashingEmbedder(dimension=32).embed(texts)
    await store.vector.create_index("notes", dimension=32)
    await store.vector.upsert("notes", vectors=vectors, ids=texts)
    async with visiting(store) as visitor:
        for question in ("text=tea", "id=green+tea"):
            page = await visitor.page(f"/vectors?index=notes&{question}")
            assert page.text.index("green teas") < page.text.index("bicycle")
        await visitor.html("/vectors?index=notes&id=unknown", status=404)


async def test_a_resource_has_the_observations_that_are_about_all_its_threads(store: ConvexStore) -> None:
    memory = store.memory
    first = await memory.initialize_observational_memory(thread_id=None, resource_id=ID, scope="resource", config={})
    await memory.create_reflection_generation(first, reflection=MARKDOWN, token_count=3)
    await memory.initialize_observational_memory(thread_id="t", resource_id=ID, scope="thread", config={})
    async with visiting(store) as visitor:
        page = await visitor.page(f"/resource?id={_KEY}")
        assert "Observations, generation 1" in page.text
        assert ATTACK in page.text
        [generations] = [link for link in page.links if link.startswith("/observations?")]
        assert sum(link.startswith("/row?") for link in (await visitor.page(generations)).links) == 2


async def test_what_is_not_there(store: ConvexStore) -> None:
    async with visiting(store) as visitor:
        home = await visitor.page("/")
        assert "Nothing is stored yet." in home.text
        assert home.links == ["/"]
        for path in (
            "/thread?id=x", "/run?workflow=x&run=y", "/trace?id=x", "/vectors?index=x", "/row?table=x&key=%5B%5D",
            "/row?table=mastra_threads&key=nonsense", "/raw?table=mastra_threads&key=%5B%22x%22%5D", "/firings",
        ):  # fmt: skip
            Checked(await visitor.html(path, status=404))
        for path in ("/threads", "/runs", "/scores", "/traces", "/vectors", "/resource?id=x"):
            await visitor.page(path)
        await visitor.html("/nothing", status=404)


async def test_the_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path) as store:
        await fill(store)
    before = path.read_bytes()
    async with ConvexStore.local(path, read_only=True) as store, visiting(store) as visitor:
        assert len(await visitor.all_pages()) > len(PAGES)
    assert path.read_bytes() == before


async def test_a_file_with_some_of_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    async with ConvexStore.local(path, domains=[MemoryStore]) as store:
        await store.memory.save_thread({"id": ID, "resource_id": "r"})
    async with ConvexStore.local(path, read_only=True) as store, visiting(store) as visitor:
        assert (await visitor.page("/")).links == ["/", "/threads", "/threads"]
        assert ATTACK in (await visitor.page(f"/thread?id={_KEY}")).text


async def test_many_long_texts_share_a_page() -> None:
    async with ConvexStore.local(":memory:") as store, visiting(store) as visitor:
        message = {"thread_id": "t", "resource_id": "r", "role": "user", "content": "long " * 4_000}
        await store.memory.save_messages([message] * 20)
        text = (await visitor.page("/thread?id=t")).text
        assert len(text) < 200_000
        assert text.count("the first 1,000 of 20,000 characters") == 12


async def test_results_of_many_values_leave_room_for_what_follows_them() -> None:
    async with ConvexStore.local(":memory:") as store, visiting(store) as visitor:
        call = {"toolCallId": "c", "toolName": "count", "state": "result", "args": {}, "result": [7] * 100_000}
        parts = {"format": 2, "parts": [{"type": "tool-invocation", "toolInvocation": call}]}
        for content in (parts, parts, "This is it."):
            message = {"thread_id": "t", "resource_id": "r", "role": "assistant", "content": content}
            await store.memory.save_messages([message])
        page = await visitor.page("/thread?id=t")
        assert page.text.count("Tool count") == 1
        assert page.text.count("too large for this page; raw JSON has all") == 1
        assert "This is it." in page.text
        raw = [link for link in page.links if link.startswith("/raw?")]
        assert (await visitor.html(raw[-2])).count("7,") == 99_999
