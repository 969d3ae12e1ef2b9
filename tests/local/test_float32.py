"""Numbers of vectors are rounded to float32 when they are written, also for the commit that writes them."""

from __future__ import annotations

import json
import uuid

from mastra_convex.engine.protocol import Commit, Get, Patch
from mastra_convex.local.engine import LocalEngine
from mastra_convex.rows.changes import Change, Edit
from tests.local.vectors import POINTS, fill, single


async def test_a_commit_returns_the_numbers_that_it_stored() -> None:
    engine = LocalEngine(":memory:", [POINTS])
    await fill(engine, [{"id": "1", "place": "here", "at": single([0.5, 0.5])}])
    given = [0.1, 0.2]
    for change in (
        Change(set={"at": given}),
        Change(edits=[Edit(path=["at"], reducer="set", value=json.dumps(given))]),
    ):
        patch = Patch(table="points", keys=[["1"]], change=change)
        get = Get(table="points", keys=[["1"]])
        paths = Get(table="points", keys=[["1"]], paths=[["at"], ["at", "0"]])
        result = await engine.commit(Commit(id=uuid.uuid4().hex, ops=[patch], returning=[paths, get]))
        (texts,), (row,) = result.returned[0].values or (), result.returned[1].rows
        assert row is not None
        assert row["at"] == single(given) != given
        assert [json.loads(text or "") for text in texts or ()] == [single(given), single(given)[0]]
        (read,) = await engine.read([paths])
        assert read.values == [texts]
    await engine.aclose()
