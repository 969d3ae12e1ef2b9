"""The public suites of LangChain, unmodified: vector store 25, key-values 12 and 12, caches 8 and 8 tests."""

from __future__ import annotations

import inspect

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


@pytest.fixture(autouse=True)
def _no_test_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest, "skip", pytest.fail)


class TestVectors(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, one_local_one_remote: ConvexStore) -> StoreVectors:
        return StoreVectors(one_local_one_remote, embedding=self.get_embeddings())


class TestKeyValues(BaseStoreSyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, one_local_one_remote: ConvexStore) -> StoreKeyValues[bytes]:
        return StoreKeyValues(one_local_one_remote)

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return b"", b"\x00", b"\xff"


class TestKeyValuesAsync(BaseStoreAsyncTests[object]):
    @pytest.fixture
    async def kv_store(self, one_local_one_remote: ConvexStore) -> StoreKeyValues[object]:
        return StoreKeyValues(one_local_one_remote)

    @pytest.fixture
    def three_values(self) -> tuple[object, object, object]:
        return 1, {"a": [None, "чай"]}, b"bytes"


class TestLLMCache(SyncCacheTestSuite):
    @pytest.fixture
    def cache(self, one_local_one_remote: ConvexStore) -> StoreLLMCache:
        return StoreLLMCache(one_local_one_remote)


class TestLLMCacheAsync(AsyncCacheTestSuite):
    @pytest.fixture
    async def cache(self, one_local_one_remote: ConvexStore) -> StoreLLMCache:
        return StoreLLMCache(one_local_one_remote)


@pytest.mark.parametrize(
    ("suite", "count"),
    [(TestVectors, 25), (TestKeyValues, 12), (TestKeyValuesAsync, 12), (TestLLMCache, 8), (TestLLMCacheAsync, 8)],
)
def test_the_suites_are_complete(suite: type[BaseStandardTests], count: int) -> None:
    tests = [name for name, _ in inspect.getmembers(suite, inspect.isfunction) if name.startswith("test_")]
    assert len(tests) == count
