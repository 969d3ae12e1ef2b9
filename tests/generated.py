"""A Convex folder as `mastra-convex init` makes it for other vector indexes than the default, and its host."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mastra_convex.deploy.convex_schema import with_vector_indexes
from mastra_convex.deploy.scaffold import scaffold
from mastra_convex.registry import declared_tables
from tests.backends import FUNCTIONS, ConvexHost, convex_host


@asynccontextmanager
async def generated_host(dimensions: Sequence[int], filter_fields: Sequence[str] = ()) -> AsyncIterator[ConvexHost]:
    """Starts the Node host over such a folder, which is removed at the end."""
    # Below convex_functions/, where the packages that the functions import are found.
    project = FUNCTIONS / "tests" / "functions" / ".generated" / f"{os.getpid()}-{'-'.join(map(str, dimensions))}"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    try:
        scaffold(project, with_vector_indexes(declared_tables(), dimensions, filter_fields=filter_fields))
        async with convex_host(f".generated/{project.name}/convex") as host:
            yield host
    finally:
        shutil.rmtree(project)
