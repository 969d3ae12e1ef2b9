"""The examples of the adapters' classes run."""

from __future__ import annotations

import ast
import inspect
import sys
from types import CodeType
from typing import Any

import pytest

from mastra_convex import ConvexStore
from mastra_convex.adapters.langchain import StoreKeyValues, StoreLLMCache, StoreVectors
from mastra_convex.adapters.langgraph_store import StoreCache, StoreMemory
from tests.core.test_docstrings import example_of


@pytest.mark.parametrize("owner", [StoreCache, StoreKeyValues, StoreLLMCache, StoreMemory, StoreVectors])
async def test_the_example_of_an_adapter_runs(owner: type[Any]) -> None:
    source = example_of(owner)
    assert source
    code = compile(source, owner.__name__, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    async with ConvexStore.local(":memory:") as store:
        answer = eval(code, {**vars(sys.modules[owner.__module__]), "store": store})
        if inspect.isawaitable(answer):
            await answer
