"""Processes that start in milliseconds: forks of one that has done the imports."""

from __future__ import annotations

import multiprocessing
from typing import Final

FORKSERVER: Final = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["__main__", "mastra_convex.cli.app", "mastra_convex_domains", "tests.backends"])
