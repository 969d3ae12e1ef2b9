"""Threads, messages and working memory in Studio; each resource is an agent."""

from __future__ import annotations

from mastra_convex import ConvexStore
from mastra_convex.view.studio.slugs import encoded, slug
from tests.view.studio.asking import Studio
from tests.view.studio.data import ODD

_ODD_AGENT = "r-" + encoded(ODD)


async def test_each_resource_is_an_agent_and_all_threads_are_one(studio: Studio, store: ConvexStore) -> None:
    agents = await studio.get("/agents")
    assert {id: agent["name"] for id, agent in agents.items()} == {
        "all-threads": "All threads",
        "r-" + encoded("user-1"): "user-1",
        _ODD_AGENT: ODD,
    }
    assert all(agent["id"] == id for id, agent in agents.items())
    of_nobody = "r-" + encoded("nobody")
    assert (await studio.get("/agents/:agentId", f"/agents/{of_nobody}"))["name"] == "nobody"


async def test_an_agent_has_the_threads_of_its_resource(studio: Studio) -> None:
    async def threads(agent: str) -> list[str]:
        answer = await studio.get("/memory/threads", resourceId=agent, agentId=agent)
        return [thread["id"] for thread in answer["threads"]]

    assert await threads(_ODD_AGENT) == [slug(ODD)]
    assert await threads("r-" + encoded("nobody")) == []
    assert sorted(await threads("all-threads")) == sorted(["trip", slug(ODD)])
    assert await threads("user-1") == ["trip"]  # a client that knows resources


async def test_ids_that_paths_cannot_hold_open(studio: Studio) -> None:
    path = f"/memory/threads/{slug(ODD)}"
    thread = await studio.get("/memory/threads/:threadId", path)
    assert (thread["id"], thread["resourceId"], thread["title"]) == (slug(ODD), ODD, "Odd <b>ids</b>")
    answer = await studio.get("/memory/threads/:threadId/messages", f"{path}/messages")
    assert {message["threadId"] for message in answer["messages"]} == {slug(ODD)}
    assert len(answer["messages"]) == 4


async def test_messages_come_in_the_order_asked_for_page_by_page(studio: Studio) -> None:
    async def page(number: int) -> tuple[list[str], bool]:
        answer = await studio.get(
            "/memory/threads/:threadId/messages",
            "/memory/threads/trip/messages",
            perPage="3",
            page=str(number),
            orderBy='{"field":"createdAt","direction":"DESC"}',
        )
        texts = [message["content"]["parts"][0]["text"] for message in answer["messages"]]
        return texts, answer["hasMore"]

    assert await page(0) == (["In Norway, too.", "And Bergen?", "In Norway."], True)
    assert await page(1) == (["Where is Oslo?"], False)


async def test_working_memory_is_that_of_the_resource_or_of_the_thread(studio: Studio, store: ConvexStore) -> None:
    async def working_memory(thread: str) -> tuple[str | None, str, bool]:
        route = "/memory/threads/:threadId/working-memory"
        answer = await studio.get(route, f"/memory/threads/{thread}/working-memory", resourceId="all-threads")
        return answer["workingMemory"], answer["source"], answer["threadExists"]

    assert await working_memory("trip") == ("Likes trains", "resource", True)
    assert await working_memory(slug(ODD)) == (None, "resource", True)
    assert await working_memory("new") == (None, "resource", False)
    await store.memory.update_thread(ODD, metadata={"workingMemory": "Likes buses"})
    assert await working_memory(slug(ODD)) == ("Likes buses", "thread", True)


async def test_a_search_finds_words_with_what_was_said_around_them(studio: Studio) -> None:
    agent = "r-" + encoded("user-1")
    found = await studio.get("/memory/search", searchQuery="norway too", resourceId=agent, agentId=agent)
    [result] = found["results"]
    assert (result["content"], result["threadId"], result["threadTitle"]) == ("In Norway, too.", "trip", "A trip")
    assert [message["content"] for message in result["context"]["before"]] == ["And Bergen?"]
    assert result["context"]["after"] == []


async def test_a_search_looks_where_it_is_asked_to(studio: Studio) -> None:
    async def threads(**query: str) -> list[str]:
        answer = await studio.get("/memory/search", searchQuery="oslo", **query)
        assert answer["count"] == len(answer["results"])
        return sorted(result["threadId"] for result in answer["results"])

    assert await threads(resourceId="all-threads") == sorted(["trip", slug(ODD)])
    assert await threads(resourceId=_ODD_AGENT) == [slug(ODD)]
    assert await threads(resourceId="all-threads", threadId="trip") == ["trip"]
    assert await threads(resourceId="all-threads", threadId="new") == []
    assert (await studio.get("/memory/search", resourceId="all-threads"))["results"] == []
