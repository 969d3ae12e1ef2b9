"""A process without numpy: `plain_search.py <path>` prints ids and scores of the searches that the test makes too."""

from __future__ import annotations

import asyncio
import json
import sys

from mastra_convex.local.engine import LocalEngine
from tests.local.vectors import POINTS, searches


async def main(path: str) -> None:
    engine = LocalEngine(path, [POINTS])
    for each in searches():
        result = await engine.search(each)
        print(json.dumps([(hit.row["id"], hit.score) for hit in result.hits]), flush=True)
    await engine.aclose()


sys.modules["numpy"] = None  # type: ignore[assignment]  # as if it were not installed
asyncio.run(main(sys.argv[1]))
