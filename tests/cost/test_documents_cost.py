"""What documents cost, and a plug-in's table that lives among them."""

from __future__ import annotations

from docs.examples.notes import NOTES, NotesStore
from mastra_convex import ConvexStore
from mastra_convex.rows.times import to_iso
from mastra_convex.rows.values import Row
from tests.backends import ConvexHost, remote_store
from tests.cost.conftest import Meter, page_bytes
from tests.data import at

LOREM = "lorem ipsum dolor sit amet " * 40


def document(n: int, table: str) -> Row:
    record = {"id": f"n{n:05}", "threadId": f"t{n % 20}", "text": LOREM[:1000], "tags": [], "createdAt": to_iso(at(n))}
    return {"table": table, "primaryKey": record["id"], "record": record}


async def test_20_of_2000_documents(store: ConvexStore, meter: Meter, host: ConvexHost) -> None:
    loaded = [document(n, "acme_things") for n in range(2000)]
    await host.load({"mastra_documents": loaded})
    await meter.start()
    page = await store.documents.list("acme_things", order_by="-inserted", per_page=20, include_total=False)
    cost = await meter.cost()
    assert (page.documents[0]["id"], page.has_more, cost.calls) == ("n01999", True, 1)
    assert cost.documents_read <= 41  # the page, and once more to see whether others follow
    assert cost.response_bytes <= 1.3 * page_bytes(loaded[-20:])
    await meter.start()
    page = await store.documents.list(
        "acme_things", order_by="-inserted", per_page=20, include_total=False, cursor=page.cursor
    )
    cost = await meter.cost()
    assert (page.documents[0]["id"], cost.calls) == ("n01979", 1)
    assert cost.documents_read <= 43


async def test_a_list_of_a_table_that_is_not_deployed(meter: Meter, host: ConvexHost) -> None:
    loaded = [document(n, NOTES.name) for n in range(2000)]
    await host.load({"mastra_documents": loaded})
    async with remote_store(host.url, [NotesStore]) as store:
        await meter.start()
        page = await store.domain(NotesStore).list_notes("t7", per_page=20)
        cost = await meter.cost()
    assert (page.total, page.notes[0].id, len(page.notes)) == (100, "n01987", 20)
    assert cost.calls == 1
    assert cost.documents_read == 2000  # the whole logical table: the price of not deploying
    assert cost.response_bytes <= 1.3 * page_bytes(loaded[:100])  # of which only the thread's rows come over the wire
