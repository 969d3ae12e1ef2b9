"""The public suites of LangChain, unmodified: vector store 25, key-values 12 and 12, caches 8 and 8 tests."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langchain_tests.base import BaseStandardTests
from langchain_tests.integration_tests import (
    AsyncCacheTestSuite,
    BaseStoreAsyncTests,
    BaseStoreSyncTests,
    SyncCacheTestSuite,
    VectorStoreIntegrationTests,
)

from mastra_convex import ConvexStore
from mastra_convex.adapters.langchain import StoreKeyValues, StoreLLMCache, StoreVectors
from tests.backends import open_backend
from tests.conftest import StartHost


@pytest.fixture(autouse=True)
def _no_test_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest, "skip", pytest.fail)


@pytest.fixture(params=["sqlite", "convex-test"])
async def empty_store(
    request: pytest.FixtureRequest, tmp_path: Path, start_host: StartHost
) -> AsyncIterator[ConvexStore]:
    host = await start_host() if request.param == "convex-test" else None
    async with open_backend(request.param, tmp_path, host) as backend:
        yield backend.store()


class TestVectors(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, empty_store: ConvexStore) -> StoreVectors:
        return StoreVectors(empty_store, embedding=self.get_embeddings())


class TestKeyValues(BaseStoreSyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, empty_store: ConvexStore) -> StoreKeyValues[bytes]:
        return StoreKeyValues(empty_store)

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return b"", b"\x00", b"\xff"


class TestKeyValuesAsync(BaseStoreAsyncTests[object]):
    @pytest.fixture
    async def kv_store(self, empty_store: ConvexStore) -> StoreKeyValues[object]:
        return StoreKeyValues(empty_store)

    @pytest.fixture
    def three_values(self) -> tuple[object, object, object]:
        return 1, {"a": [None, "чай"]}, b"bytes"


class TestLLMCache(SyncCacheTestSuite):
    @pytest.fixture
    def cache(self, empty_store: ConvexStore) -> StoreLLMCache:
        return StoreLLMCache(empty_store)


class TestLLMCacheAsync(AsyncCacheTestSuite):
    @pytest.fixture
    async def cache(self, empty_store: ConvexStore) -> StoreLLMCache:
        return StoreLLMCache(empty_store)


@pytest.mark.parametrize(
    ("suite", "count"),
    [(TestVectors, 25), (TestKeyValues, 12), (TestKeyValuesAsync, 12), (TestLLMCache, 8), (TestLLMCacheAsync, 8)],
)
def test_the_suites_are_complete(suite: type[BaseStandardTests], count: int) -> None:
    tests = [name for name, _ in inspect.getmembers(suite, inspect.isfunction) if name.startswith("test_")]
    assert len(tests) == count
